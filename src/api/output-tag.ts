/** Names a side output and carries its type. */
import type { TypeInfo } from '../types/type-info.ts';
import type { OutputTagLike } from './functions.ts';

export class OutputTag<T> implements OutputTagLike<T> {
  readonly id: string;
  readonly type: TypeInfo<T> | undefined;
  declare readonly __type?: T | undefined;

  constructor(id: string, type?: TypeInfo<T>) {
    this.id = id;
    this.type = type;
  }
}

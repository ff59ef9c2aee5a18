/** The list of transformations that an environment's streams append to, and where in the user's program each was made. */
import type { OperatorSpec, PhysicalTransformation, Transformation } from './transformation.ts';
import { forgetBuilder, rememberBuilder } from './unexecuted-steps.ts';

export class JobBuilder {
  readonly transformations: Transformation[] = [];
  readonly #watched: boolean;
  #nextId = 1;

  /** `watched`: steps that are never executed are a mistake worth telling. */
  constructor(watched: boolean) {
    this.#watched = watched;
  }

  /** Id of the transformation that is added next. */
  get nextId(): number {
    return this.#nextId;
  }

  add<T extends Transformation>(create: (id: number) => T): T {
    if (this.#watched && this.transformations.length === 0) rememberBuilder(this);
    const transformation = create(this.#nextId++);
    this.transformations.push(transformation);
    return transformation;
  }

  physical(
    name: string,
    spec: OperatorSpec,
    inputs: readonly Transformation[],
    settings: Partial<PhysicalTransformation> = {},
  ): PhysicalTransformation {
    const location = callerLocation();
    return this.add((id) => ({
      kind: 'physical',
      id,
      name,
      spec,
      inputs,
      chaining: 'always',
      ...(location ? { location } : {}),
      ...settings,
    }));
  }

  clear(): void {
    forgetBuilder(this);
    this.transformations.length = 0;
  }
}

/** First frame outside Weir. */
function callerLocation(): string | undefined {
  const stack = new Error().stack?.split('\n').slice(1) ?? [];
  const frame = stack.find((line) => !/[\\/](src[\\/]api|dist)[\\/]/.test(line) && !line.includes('node:'));
  return frame && /\(?((?:file:\/\/)?\/[^()]+:\d+:\d+)\)?$/.exec(frame)?.[1]?.replace('file://', '');
}

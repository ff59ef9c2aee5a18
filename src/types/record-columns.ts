/**
 * The columns of one shape (a list of field names) while a batch is gathered. A column takes the narrowest form that holds
 * what it saw: numbers, strings, booleans, and for anything else the self-describing form.
 */
import { ByteWriter, isLatin1 } from './byte-writer.ts';
import { writeValue } from './value-codec.ts';

export const columnKind = { int32: 0, float64: 1, latin1: 2, utf16: 3, boolean: 4, any: 5 } as const;

type Gathering = 'empty' | 'number' | 'string' | 'boolean' | 'any';

export class Column {
  readonly #name: string;
  #gathering: Gathering = 'empty';
  #numbers = new Float64Array(64);
  #integers = true;
  #strings: string[] = [];
  #any: ByteWriter | undefined;
  #count = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Bytes the value takes, roughly. */
  add(value: unknown): number {
    if (typeof value === 'number' && (this.#gathering === 'number' || this.#gathering === 'empty')) {
      this.#gathering = 'number';
      if (this.#count === this.#numbers.length) this.#growNumbers();
      this.#numbers[this.#count++] = value;
      if (this.#integers && ((value | 0) !== value || Object.is(value, -0))) this.#integers = false;
      return 8;
    }
    if (typeof value === 'string' && (this.#gathering === 'string' || this.#gathering === 'empty')) {
      this.#gathering = 'string';
      this.#strings.push(value);
      this.#count++;
      return value.length + 4;
    }
    if (typeof value === 'boolean' && (this.#gathering === 'boolean' || this.#gathering === 'empty')) {
      this.#gathering = 'boolean';
      if (this.#count === this.#numbers.length) this.#growNumbers();
      this.#numbers[this.#count++] = value ? 1 : 0;
      return 1;
    }
    return this.#addAny(value);
  }

  /** Takes the last value back: its record could not be written whole. */
  removeLast(): void {
    if (this.#gathering === 'string') this.#strings.pop();
    this.#count--;
  }

  get count(): number {
    return this.#count;
  }

  write(writer: ByteWriter): void {
    if (this.#gathering === 'number') this.#writeNumbers(writer);
    else if (this.#gathering === 'string') this.#writeStrings(writer);
    else if (this.#gathering === 'boolean') this.#writeBooleans(writer);
    else this.#writeAny(writer);
  }

  clear(): void {
    this.#gathering = 'empty';
    this.#integers = true;
    this.#strings.length = 0;
    this.#any?.clear();
    this.#count = 0;
  }

  #growNumbers(): void {
    const grown = new Float64Array(this.#numbers.length * 2);
    grown.set(this.#numbers);
    this.#numbers = grown;
  }

  /** Values seen so far move to the self-describing form; from here on everything goes there. */
  #addAny(value: unknown): number {
    this.#any ??= new ByteWriter(256);
    const writer = this.#any;
    if (this.#gathering !== 'any') {
      for (let i = 0; i < this.#count; i++) writeValue(writer, this.#gathered(i));
      this.#strings.length = 0;
      this.#gathering = 'any';
    }
    const before = writer.position;
    try {
      writeValue(writer, value, this.#name === '' ? '' : `.${this.#name}`);
    } catch (error) {
      writer.position = before;
      throw error;
    }
    this.#count++;
    return writer.position - before;
  }

  #gathered(index: number): unknown {
    if (this.#gathering === 'string') return this.#strings[index];
    const number = this.#numbers[index] as number;
    return this.#gathering === 'boolean' ? number === 1 : number;
  }

  #writeNumbers(writer: ByteWriter): void {
    const count = this.#count;
    const numbers = this.#numbers;
    writer.uint8(this.#integers ? columnKind.int32 : columnKind.float64);
    writer.reserve(count * 8);
    const { buffer } = writer;
    let position = writer.position;
    if (this.#integers) {
      const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
      for (let i = 0; i < count; i++, position += 4) view.setInt32(position, numbers[i] as number, true);
      writer.position = position;
    } else {
      writer.bytes(new Uint8Array(numbers.buffer, 0, count * 8));
    }
  }

  #writeStrings(writer: ByteWriter): void {
    const strings = this.#strings;
    const blob = strings.join('');
    const latin1 = isLatin1(blob);
    writer.uint8(latin1 ? columnKind.latin1 : columnKind.utf16);
    for (let i = 0; i < strings.length; i++) writer.varint((strings[i] as string).length);
    const bytes = latin1 ? blob.length : blob.length * 2;
    writer.varint(bytes);
    writer.reserve(bytes);
    writer.position += writer.buffer.write(blob, writer.position, bytes, latin1 ? 'latin1' : 'utf16le');
  }

  #writeBooleans(writer: ByteWriter): void {
    const count = this.#count;
    writer.uint8(columnKind.boolean);
    writer.reserve((count >> 3) + 1);
    for (let start = 0; start < count; start += 8) {
      let bits = 0;
      for (let i = 0; i < 8 && start + i < count; i++) bits |= (this.#numbers[start + i] as number) << i;
      writer.uint8(bits);
    }
  }

  #writeAny(writer: ByteWriter): void {
    writer.uint8(columnKind.any);
    const bytes = this.#any?.written() ?? new Uint8Array(0);
    writer.varint(bytes.length);
    writer.bytes(bytes);
  }
}

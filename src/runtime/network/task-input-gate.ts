/** All input channels of one task, polled fairly: the search starts behind the channel that was served last. */
import type { InputGate, PolledElement } from './channel.ts';
import type { InputChannel } from './input-channel.ts';
import type { GateCredits } from './memory/gate-credits.ts';

export class TaskInputGate implements InputGate {
  readonly #channels: readonly InputChannel[];
  readonly #inputIndexes: readonly number[];
  readonly #blocked: boolean[];
  readonly #ended: boolean[];
  readonly #polled: PolledElement = { channel: 0, batch: undefined, event: undefined };
  readonly #onClose: () => void;
  readonly #credits: ReadonlySet<GateCredits>;
  #next = 0;
  #open: number;

  constructor(
    channels: readonly InputChannel[],
    inputIndexes: readonly number[],
    onClose: () => void,
    credits: ReadonlySet<GateCredits> = new Set(),
  ) {
    this.#onClose = onClose;
    this.#credits = credits;
    this.#channels = channels;
    this.#inputIndexes = inputIndexes;
    this.#blocked = channels.map(() => false);
    this.#ended = channels.map(() => false);
    this.#open = channels.length;
  }

  get channelCount(): number {
    return this.#channels.length;
  }

  get isFinished(): boolean {
    return this.#open === 0;
  }

  get bytesIn(): number {
    return this.#channels.reduce((sum, channel) => sum + channel.bytesIn, 0);
  }

  /** Of what may be buffered of other TaskManagers' channels, the part that is; 0 when all producers are in this one. */
  get poolUsage(): number {
    let buffered = 0;
    let most = 0;
    for (const channel of this.#channels) buffered += channel.bufferedBytes;
    for (const credits of this.#credits) most += credits.totalBytes;
    return most === 0 ? 0 : buffered / most;
  }

  get hasData(): boolean {
    for (let i = 0; i < this.#channels.length; i++) {
      if (!this.#blocked[i] && !this.#ended[i] && (this.#channels[i] as InputChannel).hasFrame) return true;
    }
    return false;
  }

  inputIndexOf(channel: number): number {
    return this.#inputIndexes[channel] as number;
  }

  poll(): PolledElement | undefined {
    const count = this.#channels.length;
    for (let tried = 0; tried < count; tried++) {
      const index = this.#next;
      this.#next = index + 1 === count ? 0 : index + 1;
      if (this.#blocked[index] || this.#ended[index] || !(this.#channels[index] as InputChannel).hasFrame) continue;
      if (!(this.#channels[index] as InputChannel).poll(this.#polled)) continue;
      this.#polled.channel = index;
      if (this.#polled.event?.kind === 'end-of-partition') this.#end(index);
      return this.#polled;
    }
    return undefined;
  }

  blockChannel(channel: number): void {
    this.#blocked[channel] = true;
    this.#channels[channel]?.setBlocked(true);
  }

  unblockChannel(channel: number): void {
    this.#blocked[channel] = false;
    this.#channels[channel]?.setBlocked(false);
  }

  close(): void {
    for (const channel of this.#channels) channel.close();
    this.#onClose();
  }

  #end(index: number): void {
    this.#ended[index] = true;
    this.#open--;
  }
}

/** When the task can take mail. */
export interface MailConditions {
  /** No operator is interrupted and none awaits a promise: state may be touched, and no emission is overtaken. */
  isQuiet(): boolean;
  /** An operator, or one of its snapshots or notifications, awaits a promise. */
  isAwaiting(): boolean;
  /** The task is being cancelled or has failed: no mail is of use any more. */
  isEnding(): boolean;
}

/** What is to be done on the task's thread between records. Each kind of mail keeps its order. */
export class TaskMailbox {
  readonly #conditions: MailConditions;
  readonly #wake: () => void;
  readonly #mails: (() => void)[] = [];
  readonly #urgentMails: (() => void)[] = [];

  /** @param wake - there is mail */
  constructor(conditions: MailConditions, wake: () => void) {
    this.#conditions = conditions;
    this.#wake = wake;
  }

  /** Waits until the task is quiet. */
  post(mail: () => void): void {
    this.#mails.push(mail);
    this.#wake();
  }

  /** For news about checkpoints: overtakes other mails, and waits only for promises. */
  postUrgent(mail: () => void): void {
    this.#urgentMails.push(mail);
    this.#wake();
  }

  get hasRunnable(): boolean {
    if (this.#urgentMails.length > 0 && !this.#conditions.isAwaiting()) return true;
    return this.#mails.length > 0 && this.#conditions.isQuiet();
  }

  /** All that can run now; a mail may make those behind it wait. */
  run(): void {
    while (this.hasRunnable && !this.#conditions.isEnding()) {
      const urgent = this.#conditions.isAwaiting() ? undefined : this.#urgentMails.shift();
      const mail = urgent ?? (this.#mails.shift() as () => void);
      mail();
    }
  }
}

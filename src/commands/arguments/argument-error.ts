/** What is wrong with a command line. Printed on stdout with a pointer to the help, as Flink's scripts expect it. */

export class ArgumentError extends Error {
  override readonly name = 'ArgumentError';
  /** What was probably meant; goes to stderr, where no script looks for it. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

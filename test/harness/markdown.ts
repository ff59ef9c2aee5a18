/** The fenced code blocks of a Markdown file, in order. */
export interface CodeBlock {
  readonly language: string;
  readonly text: string;
  /** Of a block that begins with `// file: name`. */
  readonly file: string | undefined;
  readonly line: number;
}

export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const fence = /^```(\w+)\n([\s\S]*?)^```$/gm;
  for (const match of markdown.matchAll(fence)) {
    const [, language, text] = match as unknown as [string, string, string];
    blocks.push({
      language,
      text,
      file: /^\/\/ file: (\S+)$/m.exec(text)?.[1],
      line: markdown.slice(0, match.index).split('\n').length + 1,
    });
  }
  return blocks;
}

import { defineConfig } from 'vitest/config';

/** One command runs everything: unit tests in parallel, end-to-end tests (real processes) one file at a time. */
export default defineConfig({
  resolve: {
    alias: [
      { find: /^weir$/, replacement: new URL('./src/weir.ts', import.meta.url).pathname },
      { find: /^weir\/testing$/, replacement: new URL('./src/testing/index.ts', import.meta.url).pathname },
    ],
  },
  test: {
    reporters: ['default', './test/tidy/closing-line-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/fixtures/**'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

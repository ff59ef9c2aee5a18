/** What `import … from 'weir'` gives: the programming interface. */
export * from './api/index.ts';

/** Files that a program registers in its client, and that its functions find as local files wherever they run. */

/** As it travels with the job. */
export interface CachedFile {
  readonly bytes: Uint8Array;
  readonly executable: boolean;
}

export interface DistributedCache {
  /** The path of a local copy, made once per process. Throws UserError('NO_CACHED_FILE') for a name that was not registered. */
  getFile(name: string): string;
}

/** Taken, until `release`; or held by a living process. */
export type PidLock =
  | { readonly kind: 'taken'; readonly release: () => void }
  | { readonly kind: 'held'; readonly pid: number };

export function takePidLock(path: string, pid?: number): PidLock;

/**
 * Whether the text has been handed to the system: false once nobody reads any more, as after `| head`.
 * Its caller must have an ear for `error` on standard output.
 */
export function printed(text: string): Promise<boolean> {
  if (text === '') return Promise.resolve(true);
  return new Promise((resolve) => {
    process.stdout.write(text, (error) => resolve(!error));
  });
}

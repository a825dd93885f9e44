/** Whether the text has been handed to the system: false once nobody reads any more, as after `| head`. */
export function printed(text: string): Promise<boolean> {
  if (text === '') return Promise.resolve(true);
  // The write tells its own failure; an error that nobody hears would end the process besides.
  if (!process.stdout.listeners('error').includes(heard)) process.stdout.on('error', heard);
  return new Promise((resolve) => {
    process.stdout.write(text, (error) => resolve(!error));
  });
}

const heard = (): void => undefined;

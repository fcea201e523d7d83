/**
 * Begins work once what it needs has opened. Where that fails nothing begins: whoever opens it says so.
 * @param begin returns what stops the work
 * @returns stops it, also before it has begun
 */
export function beginWhen(opened: Promise<void>, begin: () => () => void): () => void {
  let stop = () => {};
  let stopped = false;
  opened.then(
    () => {
      if (!stopped) stop = begin();
    },
    () => {},
  );
  return () => {
    stopped = true;
    stop();
  };
}

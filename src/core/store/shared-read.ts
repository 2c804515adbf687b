/**
 * Lets callers that ask at the same moment share one read. It begins only after the last of them has asked, so each sees
 * all that was written before it asked. They share the answer too: nobody may change it.
 */
export function sharedRead<K, T>(read: (key: K) => Promise<T>): (key: K) => Promise<T> {
  const waiting = new Map<K, Promise<T>>();
  return (key) => {
    const known = waiting.get(key);
    if (known) return known;
    const answer = new Promise<T>((resolve, reject) => {
      // All requests that have arrived on other connections by now are looked at first.
      setImmediate(() => {
        waiting.delete(key);
        read(key).then(resolve, reject);
      });
    });
    waiting.set(key, answer);
    return answer;
  };
}

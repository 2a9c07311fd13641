import { useEffect, useRef, useState } from 'react';

/**
 * `value`, renewed at once after a quiet time and then at most every `everyMs`: a list is rendered ten times a second
 * however many events arrive.
 */
export function usePaced<T>(value: T, everyMs: number): T {
  const [shown, setShown] = useState(value);
  const renewedAt = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    const renew = () => {
      renewedAt.current = performance.now();
      setShown(value);
    };
    const waitMs = renewedAt.current + everyMs - performance.now();
    const timer = setTimeout(renew, Math.max(0, waitMs));
    return () => clearTimeout(timer);
  }, [value, everyMs]);
  return shown;
}

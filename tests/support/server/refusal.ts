import { expect } from 'vitest';

/** Expects a response to be a refusal (RFC 9457) that no cache may keep. @returns its `detail`. */
export async function expectRefusal(answer: Response | Promise<Response>, status: number): Promise<string> {
  const response = await answer;
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(response.headers.get('cache-control')).toBe('private, no-store');
  const problem = await response.json();
  expect(problem).toMatchObject({ type: expect.stringMatching(/^urn:/), title: expect.any(String), status });
  expect(problem.detail).not.toMatch(/\bat .*:\d+:\d+|node_modules/);
  return problem.detail;
}

'use client';

import { useLatest } from '../../lib/client/latest/use-latest.ts';

/** One row for each host, with its latest value. A host that has sent nothing for a minute is gone. */
export function HostTable({ initial }: { readonly initial: string }) {
  const { latest, problem } = useLatest({ channel: 'public:hosts', types: ['host.load'], initial });
  const rows = [...latest].sort(([a], [b]) => a.localeCompare(b));
  return (
    <table>
      <caption>{problem === null ? `${rows.length} hosts` : problem.detail}</caption>
      <thead>
        <tr>
          <th scope="col">Host</th>
          <th scope="col">Load</th>
          <th scope="col">At</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([host, { data, time }]) => (
          <tr key={host}>
            <th scope="row">{host}</th>
            <td>{data.load.toFixed(2)}</td>
            <td>{new Date(time).toISOString().slice(11, 19)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

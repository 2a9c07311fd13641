import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { ProblemNotice } from '../../app/_feed/problem-notice.tsx';

test('a page that cannot show a channel links within the app, wherever the app is', () => {
  const notice = (retryAfterSeconds: number | null) =>
    renderToStaticMarkup(
      createElement(ProblemNotice, { channel: 'orders', detail: 'No.', retryAfterSeconds }),
    );
  const links = [...`${notice(5)}${notice(null)}`.matchAll(/href="([^"]*)"/g)].map(([, href]) => href);

  expect(new Set(links)).toEqual(new Set(['?channel=orders', '?channel=feed']));
});

import type { Metadata, Viewport } from 'next';
import { type ReactNode, Suspense } from 'react';
import './globals.css';

export const metadata: Metadata = {
  title: 'Steadfeed',
  description: 'A live feed that survives serverless: every event once, in order.',
};

export const viewport: Viewport = {
  colorScheme: 'light dark',
  themeColor: [
    { media: '(prefers-color-scheme: light)', color: '#f8f9f8' },
    { media: '(prefers-color-scheme: dark)', color: '#0d1011' },
  ],
};

/**
 * With `cacheComponents` Next would prepare a part of each document before the request. Its scripts would lack the nonce of
 * the response (`proxy.ts`), and the browser would refuse them. `Suspense` around the document makes that part empty.
 */
export default function Layout({ children }: { readonly children: ReactNode }) {
  return (
    <Suspense>
      <html lang="en">
        <body>{children}</body>
      </html>
    </Suspense>
  );
}

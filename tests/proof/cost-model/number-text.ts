/** A number as a table shows it: two digits that count, with thousands apart; whole ones below 100 as they are. */
export function roundText(value: number): string {
  if (value > 0 && value < 1) return '< 1';
  const digits = Number.isInteger(value) && value < 100 ? value : Number(value.toPrecision(2));
  return Math.round(digits) === digits || digits >= 10
    ? Math.round(digits).toLocaleString('en-US')
    : String(digits);
}

/** Dollars as a table shows them. */
export function dollarText(value: number): string {
  return value > 0 && value < 1 ? '< $1' : `$${roundText(Math.round(value))}`;
}

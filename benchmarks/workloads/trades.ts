/** Flat records of six fields and about 70 bytes, each made anew. Mixed numbers stay below 2^31, as in counts.ts. */
export interface Trade {
  readonly id: number;
  readonly symbol: string;
  readonly price: number;
  readonly quantity: number;
  readonly buyer: string;
  readonly isOpen: boolean;
}

const symbols = ['AAPL', 'MSFT', 'GOOG', 'AMZN', 'TSLA', 'NVDA', 'META', 'NFLX'];

export function trade(index: number): Trade {
  const mixed = Math.imul(index, 0x9e3779b1) >>> 4;
  return {
    id: index,
    symbol: symbols[mixed & 7] as string,
    price: (mixed % 100_000) / 100,
    quantity: (mixed >>> 5) % 1000,
    buyer: `customer-${(mixed >>> 3) % 50_000}`,
    isOpen: (mixed & 16) === 0,
  };
}

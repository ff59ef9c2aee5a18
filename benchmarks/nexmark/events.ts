/** The three kinds of events of an auction house. Times are milliseconds since the epoch, prices cents. */

export interface Person {
  readonly id: number;
  readonly name: string;
  readonly emailAddress: string;
  readonly creditCard: string;
  readonly city: string;
  readonly state: string;
  readonly dateTime: number;
  readonly extra: string;
}

export interface Auction {
  readonly id: number;
  readonly itemName: string;
  readonly description: string;
  readonly initialBid: number;
  readonly reserve: number;
  readonly dateTime: number;
  readonly expires: number;
  readonly seller: number;
  readonly category: number;
  readonly extra: string;
}

export interface Bid {
  readonly auction: number;
  readonly bidder: number;
  readonly price: number;
  readonly channel: string;
  readonly url: string;
  readonly dateTime: number;
  readonly extra: string;
}

export const eventType = { person: 0, auction: 1, bid: 2 } as const;

/** One of the three is set. */
export interface NexmarkEvent {
  readonly type: 0 | 1 | 2;
  readonly person: Person | null;
  readonly auction: Auction | null;
  readonly bid: Bid | null;
}

export function timeOf({ person, auction, bid }: NexmarkEvent): number {
  return (bid ?? auction ?? (person as Person)).dateTime;
}

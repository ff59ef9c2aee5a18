/** Records of several shapes, fresh and different each, by number. */

const streets = ['Long Street', 'Short Street', 'Mill Lane', 'High Street'];

export const shapes: Readonly<Record<string, (index: number) => unknown>> = {
  'numbers and booleans': (index) => ({
    id: index,
    price: index / 7,
    quantity: index % 90,
    at: 1_700_000_000_000 + index,
    paid: index % 3 === 0,
  }),
  'texts that repeat and texts that do not': (index) => ({
    kind: `kind ${index % 12}`,
    city: `city ${index % 300}`,
    order: `order-${index}`,
    note: `something about ${index * 31} that nobody reads`,
  }),
  'records in records and lists': (index) => ({
    id: index,
    customer: { name: `customer ${index % 1000}`, address: { street: streets[index % 4], number: index % 90 } },
    items: Array.from({ length: 1 + (index % 3) }, (_, item) => ({
      sku: `sku ${(index + item) % 50}`,
      quantity: item + 1,
      price: index / 9,
    })),
    tags: index % 2 === 0 ? ['new', 'gift'] : ['new'],
  }),
  'dates, bigints and bytes': (index) => ({
    at: new Date(1_700_000_000_000 + index),
    amount: BigInt(index) * 1_000_003n,
    digest: Uint8Array.of(index, index >> 8, index >> 16, 1, 2, 3, 4, 5),
  }),
  '40 fields': (index) =>
    Object.fromEntries(
      Array.from({ length: 40 }, (_, field) => [`field${field}`, field % 4 === 0 ? `text ${index % 100}` : index + field]),
    ),
};

import { expect, test } from 'vitest';
import { assignOperatorIds, operatorIdOfUid } from '../../src/graph/operator-ids.ts';

test.each([
  ['hello', '029bbd41b3a7d8cb191dae486a901e5b'],
  ['source-id', 'bd9c186e89cc37a76d776844dfa8ccba'],
])('uid %s', (uid, id) => expect(operatorIdOfUid(uid)).toBe(id));

test('structural ids equal those of Flink', () => {
  const node = (id: number, inputs: number[], chainableOutputs: number) => ({ id, name: `n${id}`, inputs, chainableOutputs });
  expect([...assignOperatorIds([node(1, [], 0), node(2, [1], 0)]).values()]).toEqual([
    'bc764cd8ddf7a0cff126f51c16239658',
    '0a448493b4782967b150582570326227',
  ]);
  expect([...assignOperatorIds([node(1, [], 1), node(2, [1], 0)]).values()]).toEqual([
    'cbc357ccb763df2852fee8c4fc7d55f2',
    '7df19f87deec5680128845fd9a6ca18d',
  ]);
});

test('one uid for two operators is refused, both named', () => {
  const nodes = [
    { id: 1, name: 'a', uid: 'x', inputs: [], chainableOutputs: 0 },
    { id: 2, name: 'b', uid: 'x', inputs: [1], chainableOutputs: 0 },
  ];
  expect(() => assignOperatorIds(nodes)).toThrow(/Hash collision on user-specified ID "x"[\s\S]*'a' and 'b'/);
});

test('a node that is reached before its inputs have ids comes later, and its place is kept when they have them in time', () => {
  const node = (id: number, inputs: number[]) => ({ id, name: `n${id}`, inputs, chainableOutputs: 0 });
  const order = (nodes: Parameters<typeof assignOperatorIds>[0]): number[] => [...assignOperatorIds(nodes).keys()];
  // 3 waits in the queue while 2 gets its id, and goes before 4.
  expect(order([node(1, []), node(2, []), node(3, [1, 2]), node(4, [1])])).toEqual([1, 2, 3, 4]);
  // 3 comes up before 5 has an id, and is reached again from there, behind 4.
  expect(order([node(1, []), node(2, []), node(3, [1, 5]), node(4, [1]), node(5, [2])])).toEqual([1, 2, 4, 5, 3]);
});

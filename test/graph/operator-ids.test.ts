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

/** The broadcast pattern: elements, keyed or not, that meet a state which another stream changes on every subtask. */
import { expect, test } from 'vitest';
import {
  type BroadcastContext,
  BroadcastProcessFunction,
  type Collector,
  KeyedBroadcastProcessFunction,
  MapStateDescriptor,
  OutputTag,
  type ReadOnlyBroadcastContext,
  side,
  state,
  ValueStateDescriptor,
} from 'weir';
import { collect, failureOf, localEnvironment } from '../harness/local.ts';

interface Rule {
  readonly name: string;
  readonly above: number;
}
interface Payment {
  readonly customer: string;
  readonly amount: number;
}

const rules: readonly Rule[] = [
  { name: 'large', above: 100 },
  { name: 'huge', above: 1000 },
];
const payments: readonly Payment[] = [
  { customer: 'ann', amount: 50 },
  { customer: 'bob', amount: 500 },
  { customer: 'ann', amount: 5000 },
];
const ruleStates = new MapStateDescriptor<string, Rule>('rules');

/** Opens when so many calls have been made: lets one input of a test go before the other. */
function gate(calls: number): { pass(): void; readonly open: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = calls;
  return {
    open: promise,
    pass: () => {
      if (--left === 0) resolve();
    },
  };
}

async function* behind<T>(open: Promise<void>, records: readonly T[]): AsyncGenerator<T> {
  await open;
  yield* records;
}

test.each([1, 3])('every subtask has the whole broadcast state, at parallelism %i', async (parallelism) => {
  const env = localEnvironment();
  env.setParallelism(parallelism);
  const rulesSeen = gate(rules.length * parallelism);
  const results = env
    .fromCollection(() => behind(rulesSeen.open, payments))
    .rebalance()
    .connect(
      env
        .fromCollection([...rules])
        .setParallelism(1)
        .broadcast(ruleStates),
    )
    .process({
      processElement(payment, context, out: Collector<string>) {
        for (const [name, { above }] of context.getBroadcastState(ruleStates).entries())
          if (payment.amount > above) out.collect(`${payment.customer} ${name}`);
      },
      processBroadcastElement(rule, context) {
        context.getBroadcastState(ruleStates).put(rule.name, rule);
        rulesSeen.pass();
      },
    });
  expect((await collect(results.executeAndCollect())).sort()).toEqual(['ann huge', 'ann large', 'bob large']);
});

test('keyed elements: state of their own, declared beside the broadcast state, and changed for all keys from the other side', async () => {
  const env = localEnvironment();
  env.setParallelism(2);
  const paymentsSeen = gate(payments.length);
  const results = env
    .fromCollection([...payments])
    .keyBy('customer')
    .connect(
      env
        .fromCollection(() => behind(paymentsSeen.open, ['report', 'reset', 'report']))
        .broadcast({ commands: state.map<string, number>() }),
    )
    .process({
      state: { total: state.value(() => 0) },
      side: { reset: side<string>() },
      processElement(payment, context, _out: Collector<string>) {
        context.state.total.update(context.state.total.value() + payment.amount);
        paymentsSeen.pass();
      },
      processBroadcastElement(command, context, out: Collector<string>) {
        const seen = context.broadcast.commands.get(command) ?? 0;
        context.broadcast.commands.put(command, seen + 1);
        context.applyToKeyedState('total', (customer, total) => {
          if (command === 'report') out.collect(`${customer} ${total.value()}`);
          else {
            context.side.reset(`${customer} ${seen}`);
            total.clear();
          }
        });
      },
    });
  const resets = results.side.reset;
  const [reports, reset] = await Promise.all([collect(results.collectAsync()), collect(resets.collectAsync()), env.execute()]);
  expect(reports.sort()).toEqual(['ann 5050', 'bob 500']);
  expect(reset.sort()).toEqual(['ann 0', 'bob 0']);
});

test('the class forms, with timers, side outputs and state of the life cycle', async () => {
  const late = new OutputTag<string>('closed');
  const total = new ValueStateDescriptor<number>('total');
  const paymentsSeen = gate(payments.length);
  class Totals extends KeyedBroadcastProcessFunction<string, Payment, string, string> {
    override processElement(payment: Payment, context: ReadOnlyBroadcastContext<string>, _out: Collector<string>): void {
      const value = this.getRuntimeContext().getState(total);
      value.update((value.value() ?? 0) + payment.amount);
      context.timerService().registerEventTimeTimer(Number.MAX_SAFE_INTEGER);
      paymentsSeen.pass();
    }
    override processBroadcastElement(word: string, context: BroadcastContext<string>, out: Collector<string>): void {
      context.applyToKeyedState(total, (customer, value) => out.collect(`${word}: ${customer} ${value.value()}`));
      context.output(late, word);
    }
    override onTimer(_at: number, context: ReadOnlyBroadcastContext<string>, out: Collector<string>): void {
      out.collect(`end: ${context.getCurrentKey()} ${context.getBroadcastState(ruleStates).contains('x')}`);
    }
  }
  const env = localEnvironment();
  const results = env
    .fromCollection([...payments])
    .keyBy('customer')
    .connect(env.fromCollection(() => behind(paymentsSeen.open, ['now'])).broadcast(ruleStates))
    .process(new Totals());
  const [out, side] = await Promise.all([
    collect(results.collectAsync()),
    collect(results.getSideOutput(late).collectAsync()),
    env.execute(),
  ]);
  expect(out.sort()).toEqual(['end: ann false', 'end: bob false', 'now: ann 5050', 'now: bob 500']);
  expect(side).toEqual(['now']);
});

test('misuse is told with the name of the operator and of the state', async () => {
  const failure = (
    element: (context: ReadOnlyBroadcastContext<string>, value: Payment) => void,
    broadcast: (context: BroadcastContext<string>) => void = () => {},
  ): Promise<string> => {
    const env = localEnvironment();
    return failureOf(
      env
        .fromCollection([...payments])
        .keyBy('customer')
        .connect(env.fromCollection(['a']).broadcast(ruleStates))
        .process({
          processElement: (value, context, _out: Collector<string>) => element(context, value),
          processBroadcastElement: (_, context) => broadcast(context),
        })
        .name('checked')
        .executeAndCollect(10),
    );
  };
  const write = (context: ReadOnlyBroadcastContext<string>): void =>
    (context.getBroadcastState(ruleStates) as unknown as Map<string, Rule> & { put(): void }).put();
  expect(await failure(write)).toContain("Operator 'checked': the broadcast state 'rules' can only be changed in processBroadcastElement");
  expect(await failure((context) => context.getBroadcastState(new MapStateDescriptor('other')))).toContain(
    "Operator 'checked': the broadcast state 'other' was not given to broadcast().",
  );

  const env = localEnvironment();
  const keyed = env
    .fromCollection([...payments])
    .keyBy('customer')
    .connect(env.fromCollection(['a']).broadcast(ruleStates));
  class KeyOnTheWrongSide extends BroadcastProcessFunction<Payment, string, string> {
    override processElement(): void {}
    override processBroadcastElement(): void {
      this.getRuntimeContext().getState(new ValueStateDescriptor('total')).value();
    }
  }
  expect(await failureOf(keyed.process(new KeyOnTheWrongSide()).name('checked').executeAndCollect(1))).toContain(
    "Operator 'checked': state was used where no key is set.",
  );
  const plain = env.fromCollection([...payments]).connect(env.fromCollection(['a']).broadcast(ruleStates));
  expect(() => plain.process({ state: { n: state.value(() => 0) }, processElement() {}, processBroadcastElement() {} })).toThrow(
    'keyed state (state) on a stream that has no keys',
  );
  expect(
    await failureOf(
      plain
        .process({ processElement() {}, processBroadcastElement: (_, c) => c.applyToKeyedState(new ValueStateDescriptor('n'), () => {}) })
        .executeAndCollect(1),
    ),
  ).toContain('applyToKeyedState() is only supported on keyed streams');
});

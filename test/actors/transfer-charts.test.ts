import { expect, test } from 'vitest';
import type { AnyStateMachine } from 'xstate';
import { payeeMachine, payerMachines } from '../../actors/transfers/protocols.ts';

/** A machine as a diagram that GitHub draws. */
function mermaid(machine: AnyStateMachine): string {
  const lines = [`  [*] --> ${machine.root.initial.target[0]?.key}`];
  for (const [name, state] of Object.entries(machine.states)) {
    for (const [event, transitions] of state.transitions) {
      for (const { target } of transitions) {
        lines.push(`  ${name} --> ${target?.[0]?.key ?? name}: ${event.replace('transfer-', '')}`);
      }
    }
    if (state.type === 'final') lines.push(`  ${name} --> [*]`);
  }
  return ['```mermaid', 'stateDiagram-v2', ...lines, '```'].join('\n');
}

test('docs/transfer-charts.md draws the machines that transfers follow', async () => {
  const charts = [...Object.entries(payerMachines), ['payee', payeeMachine] as const].map(
    ([name, machine]) =>
      `## ${name === 'payee' ? 'The payee, in every protocol' : `The payer in \`${name}\``}\n\n${mermaid(machine)}\n`,
  );
  const text = [
    '# The statecharts of transfers',
    '',
    'Drawn from `actors/transfers/protocols.ts` (`npx vitest run test/actors/transfer-charts -u`). An arrow',
    'is an event of the account, without its `transfer-`; [transfers.md](transfers.md) says what they mean.',
    '',
    ...charts,
  ].join('\n');
  await expect(text).toMatchFileSnapshot('../../docs/transfer-charts.md');
});

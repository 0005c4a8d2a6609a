// The plan that the scripted planner submits: which parts there are, what each waits for and how each is checked.

const tests = (name, file) => ({ name, run: `node --test test/${file}.test.js`, timeout: 60 })

const steps = [
  {
    name: 'csv',
    file: 'src/csv.js',
    description: 'Write CSV',
    checks: [tests('reading still works', 'csv-read'), tests('writing works', 'csv-write')],
  },
  {
    name: 'money',
    file: 'src/money.js',
    description: 'Amounts that are right to the cent',
    checks: [tests('amounts', 'money')],
  },
  { name: 'table', file: 'src/table.js', description: 'Markdown tables', checks: [tests('tables', 'table')] },
  {
    name: 'summary',
    file: 'src/summary.js',
    description: 'Entries, totals by category and by month',
    depends_on: ['csv', 'money'],
    checks: [tests('summaries', 'summary')],
  },
  {
    name: 'report',
    file: 'src/report.js',
    description: 'The report as Markdown',
    depends_on: ['summary', 'table'],
    checks: [tests('reports', 'report')],
  },
  {
    name: 'command',
    file: 'bin/ledger.js',
    description: 'The command, and how to use it',
    depends_on: ['csv', 'report'],
    checks: [
      tests('command', 'command'),
      { name: 'usage in the README', run: "grep -q 'ledger totals FILE' README.md", timeout: 10 },
    ],
  },
]

/**
 * The plan as Writ takes it. `requirements` maps a file to what the directive requires of it.
 * Throws when the directive requires nothing of a part: then this plan is for another directive.
 */
export function planFor(requirements) {
  return {
    steps: steps.map(({ file, ...step }) => ({ ...step, task_plan: taskPlan(file, step.checks, requirements) })),
  }
}

function taskPlan(file, checks, requirements) {
  const required = requirements.get(file)
  if (required === undefined)
    throw new Error(`the prompt requires nothing of ${file}, so the prepared plan does not fit it`)
  return [
    `File: ${file}`,
    '',
    required,
    '',
    'Leave the tests and the other modules as they are. The work is done when these succeed:',
    ...checks.map(({ name, run }) => `- ${name}: ${run}`),
    '',
  ].join('\n')
}

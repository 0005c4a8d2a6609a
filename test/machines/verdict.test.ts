/** Finding and reading a verdict in what an evaluator left. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseFile, findJson } from '../../src/machines/elements.ts'
import { readVerdict } from '../../src/machines/verdict.ts'

const fenced = (text: string, language = 'json') => `\`\`\`${language}\n${text}\n\`\`\``
const markdown = (text: string) => ({ type: 'markdown', text }) as const
const paragraph = (text: string) => ({ type: 'paragraph', text }) as const
const code = (text: string) => ({ type: 'code', text }) as const

describe('the file', () => {
  it('R30: the first whose name contains "eval" in any case, else the first', () => {
    expect(chooseFile(['notes.md', 'My-EVALuation.json', 'eval.json'])).toBe('My-EVALuation.json')
    expect(chooseFile(['notes.md', 'verdict.json'])).toBe('notes.md')
    expect(chooseFile([])).toBeNull()
  })
})

describe('the JSON', () => {
  it('R30: a file that is JSON as a whole', () => {
    expect(findJson(' {"a": 1}\n')).toEqual({ a: 1 })
    expect(findJson('[1, 2]')).toEqual([1, 2])
  })

  it('R30: else the first fenced block of JSON that parses', () => {
    expect(findJson(`# Report\n\n${fenced('{"a": 1}')}\n\n${fenced('{"a": 2}')}`)).toEqual({ a: 1 })
    expect(findJson(`${fenced('{"a": }')}\n${fenced('{"a": 2}')}`)).toEqual({ a: 2 })
    expect(findJson(`~~~ JSON\n[3]\n~~~`)).toEqual([3])
    expect(findJson(`\`\`\`\`json\n{"a": "\`\`\`"}\n\`\`\`\``)).toEqual({ a: '```' })
    expect(findJson(`${fenced('{"a": 1}', 'js')}\r\n${fenced('{"a": 2}')}`)).toEqual({ a: 2 })
    expect(findJson('```json\n{"a": 4}')).toEqual({ a: 4 })
    expect(findJson('```\n```json\n{"a": 5}\n```\nx')).toBeNull()
    expect(findJson('```json\n[4,\n5]\n   ```  \nx')).toEqual([4, 5])
    expect(findJson('```json\n[4]\n``` x')).toBeNull()
    expect(findJson('```json\n[4]\nx ```')).toBeNull()
    expect(findJson('~~~json\n[4]\n```\n~~~')).toBeNull()
    expect(findJson('x ```json\n[4]\n```')).toBeNull()
    expect(findJson('```json title="x"\n[6]\n```')).toEqual([6])
    expect(findJson('```js\n```json\n```\n```json\n[7]\n```')).toEqual([7])
  })

  it('R30: else everything from the first brace to the end', () => {
    expect(findJson('The verdict is {"a": {"b": 1}}\n')).toEqual({ a: { b: 1 } })
    expect(findJson('first {"a": 1} then more')).toBeNull()
    expect(findJson('[1, 2] and then {"a": 1}')).toEqual({ a: 1 })
    expect(findJson('no brace at all')).toBeNull()
    expect(findJson('')).toBeNull()
  })

  it('R30: of elements, the first that is JSON as a whole, or Markdown with a block of it', () => {
    expect(findJson([paragraph('words'), code('{"a": 1}'), code('{"a": 2}')])).toEqual({ a: 1 })
    expect(findJson([paragraph('{"a": 3}'), code('{"a": 2}')])).toEqual({ a: 3 })
    expect(findJson([markdown(`words\n${fenced('{"a": 4}')}`), code('{"a": 2}')])).toEqual({ a: 4 })
    expect(findJson([paragraph(fenced('{"a": 5}')), code('{"a": 2}')])).toEqual({ a: 2 })
    expect(findJson([code('{"a": '), code('1}')])).toEqual({ a: 1 })
    expect(findJson([paragraph('as follows: {"a": "x'), paragraph('y"}')])).toBeNull()
  })

  it('R30: a file that is a document of elements is read as those', () => {
    expect(findJson(JSON.stringify([paragraph('words'), { type: 'code', content: '{"a": 1}' }]))).toEqual({ a: 1 })
    expect(findJson(JSON.stringify({ elements: [markdown(fenced('{"a": 2}'))] }))).toEqual({ a: 2 })
    const other = [{ type: 'table', text: 'x' }, code('{"a": 1}')]
    expect(findJson(JSON.stringify(other))).toEqual(other)
    const object = { type: 'x', elements: [] }
    expect(findJson(JSON.stringify(object))).toEqual(object)
    for (const noText of [[{ type: 'code' }, null], ['type', code('{"a": 1}')], [{ type: 'code', text: 5 }]])
      expect(findJson(JSON.stringify(noText))).toEqual(noText)
    const escaped = `[{"\\u0074ype": "code", "text": "[1]"}]`
    expect(findJson(escaped)).toEqual([{ type: 'code', text: '[1]' }])
  })

  it('R30: the first JSON found is final, verdict or not', () => {
    const text = `${fenced('{"colour": "red"}')}\n${fenced('{"passed": true}')}`
    expect(readVerdict(text)).toMatchObject({ fault: expect.stringContaining('passed') })
  })

  it('R30: finding JSON never throws, whatever the text is', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('```json', '```', '~~~', '{', '}', '[', '"type"', ':', '\n', '1', 'x')),
        (parts) => {
          const found = findJson(parts.join(''))
          expect(found === null || typeof found === 'object').toBe(true)
        },
      ),
    )
  })
})

describe('the verdict', () => {
  it('R31: only passed is required; the rest has defaults, and extra keys are ignored', () => {
    expect(readVerdict({ passed: false, colour: 'red' })).toEqual({
      verdict: {
        passed: false,
        overallScore: null,
        confidenceLevel: null,
        criteriaResults: null,
        summaryFeedback: '',
        reworkInstructions: null,
        steps: [],
      },
    })
  })

  it('R31: steps that are no list of names are an extra key, and void nothing', () => {
    const none = { verdict: expect.objectContaining({ passed: true, steps: [] }) }
    for (const steps of ['build', 3, [1, 2], { build: true }, null, Array.from({ length: 1001 }, () => 'a')])
      expect(readVerdict({ passed: true, steps })).toEqual(none)
  })

  it('R31: what is there is kept', () => {
    const verdict = {
      passed: true,
      overallScore: 1,
      confidenceLevel: 'green',
      criteriaResults: [{ criterion: 'x' }],
      summaryFeedback: 'fine',
      reworkInstructions: 'none',
      steps: ['a'],
    }
    expect(readVerdict(verdict)).toEqual({ verdict })
    expect(readVerdict(JSON.stringify(verdict))).toEqual({ verdict })
  })

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'there is no JSON in it'],
    ['null', null, 'there is no JSON in it'],
    ['text without JSON', 'it is good', 'there is no JSON in it'],
    ['a list', [true], 'a verdict is a JSON object'],
    ['a number', 5, 'a verdict is a JSON object'],
    ['no passed', { overallScore: 1 }, '^passed: '],
    ['passed as a text', { passed: 'yes' }, '^passed: '],
    ['a score above 1', { passed: true, overallScore: 1.01 }, '^overallScore: '],
    ['a score below 0', { passed: true, overallScore: -0.1 }, '^overallScore: '],
    ['a score as a text', { passed: true, overallScore: '0.9' }, '^overallScore: '],
    ['a level that is no text', { passed: true, confidenceLevel: 1 }, '^confidenceLevel: '],
    ['two faults', { passed: 1, overallScore: 2 }, '^passed: .*; overallScore: '],
  ])('R31: %s is no verdict', (_, input, fault) => {
    expect(readVerdict(input)).toEqual({ fault: expect.stringMatching(fault) })
  })
})

/** What a schema says of one value, in words for people: a key that is not there has no value to complain about. */
export const issueWords = (message: string): string =>
  message
    .replace(/^Invalid input: expected (\w+), received undefined$/, 'is missing ($1)')
    .replace(/^Invalid input$/, 'is missing, or no value of JSON')
    .replace(/^Invalid input: /, '')

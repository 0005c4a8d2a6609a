/** `writ completion SHELL`, and `writ complete`, which the scripts that it prints ask at every Tab. */
import { Argument, type Command } from 'commander'
import type { Context } from '../context.ts'
import { examples, groups, type Declare } from '../program.ts'
import { oneLine } from '../terminal.ts'

/** They hold nothing about commands and options, so one that was made by an older version goes on being right. */
const scripts = {
  bash: `_writ() {
  local value
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do COMPREPLY+=("$value"); done \\
    < <(writ complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _writ writ`,
  zsh: `#compdef writ
_writ() {
  local -a found
  local value text
  while IFS=$'\\t' read -r value text; do found+=("\${value//:/\\\\:}:$text"); done \\
    < <(writ complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( $#found )); then _describe writ found; else _files; fi
}
compdef _writ writ`,
  fish: `function __writ_complete
  set -l words (commandline -opc) (commandline -ct)
  writ complete -- $words[2..-1] 2>/dev/null
end
complete -c writ -a '(__writ_complete)'`,
} as const

type Shell = keyof typeof scripts

export const completion: Declare = (command, context) => {
  command
    .addArgument(new Argument('<shell>', 'whose script').choices(Object.keys(scripts)))
    .action((shell: Shell) => context().terminal.print(scripts[shell]))
  examples(command, [
    'writ completion bash > ~/.local/share/bash-completion/completions/writ',
    'writ completion zsh > ~/.zfunc/_writ',
    'writ completion fish > ~/.config/fish/completions/writ.fish',
  ])
}

export const complete: Declare = (command, context) => {
  command
    .argument('[words...]', 'what stands behind `writ`, to the word that is being typed')
    .action(async (words: readonly string[]) => print(context(), command, words, context))
  examples(command, ['writ complete -- directive sh'])
}

/** `value<TAB>what it is`, a line each. */
const print = async (
  { terminal }: Context,
  { parent }: Command,
  words: readonly string[],
  context: () => Context,
): Promise<void> => {
  const { candidatesFor } = await import('../completion.ts')
  const fill = async (group: Command): Promise<void> =>
    (await groups.find(({ name }) => name === group.name())?.load())?.(group, context)
  const found = parent === null ? [] : await candidatesFor(parent, words, { fill, context })
  for (const { value, text } of found) terminal.print(`${oneLine(value)}\t${oneLine(text)}`)
}

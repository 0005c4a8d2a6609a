/** What the command line itself keeps in a data folder, beside the servers: local daemons, and the example's repositories. */

export const daemonsFolder = 'daemons'
export const repositoriesFolder = 'repositories'

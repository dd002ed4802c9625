# fish completion for aipm.  It is installed as "aipm.fish" with a link for
# each program, and whichever of them is read completes all of them.

function __aipm_archives
    __fish_complete_path (commandline -ct) | string match -r '^.*(?:/|\.tar\.gz)\t.*'
end

# Of aipm-stop: whether what is typed now stands before the command.
function __aipm_before_command
    set -l words (commandline -opc)[2..]
    while set -q words[1]
        switch $words[1]
            case -C --directory --data -t --timeout
                set -e words[1]
            case --
                return 1
            case '-*'
            case '*'
                return 1
        end
        set -e words[1]
    end
end

# What aipm-restore finds: latest, a name in the project's backups, a path.
function __aipm_backups
    echo latest
    set -l dir
    set -l words (commandline -opc)
    while set -q words[1]
        switch $words[1]
            case -C --directory
                set dir $words[2]
            case '--directory=*'
                set dir (string replace -- --directory= '' $words[1])
        end
        set -e words[1]
    end
    if test -n "$dir"
        for f in $dir/backups/*.tar.gz
            string replace -r '.*/' '' -- $f
        end
    else
        for f in backups/*.tar.gz
            echo $f
        end
        __aipm_archives
    end
end

for p in aipm-pack aipm-unpack aipm-prune aipm-ls aipm-backup aipm-restore
    complete -c $p -f
    complete -c $p -s q -l quiet -d 'Say nothing but warnings and errors'
    complete -c $p -s h -l help -d 'Show the options'
    complete -c $p -l version -d 'Show the version'
end
for p in aipm-pack aipm-prune aipm-ls
    complete -c $p -s v -l verbose -d 'Say more'
    complete -c $p -l name -x -d 'What the names of backups begin with'
end
for p in aipm-backup aipm-restore
    complete -c $p -s C -l directory -x -a '(__fish_complete_directories)' -d 'The project folder'
end

set -l stop complete -c aipm-stop -n __aipm_before_command
$stop -s C -l directory -x -a '(__fish_complete_directories)' -d 'The project folder'
$stop -l data -x -a '(__fish_complete_directories)' -d 'The data directory'
$stop -s t -l timeout -x -a '30 60 120 300' -d 'Give services with data so many seconds'
$stop -s n -l dry-run -d 'Say what would be stopped, and why'
$stop -l start -d 'Start what is held stopped'
$stop -l pause -d 'Freeze the services instead'
$stop -l deadline -x -a '60 300 900' -d 'End the command after so many seconds'
$stop -l wait -x -a '30 60 120' -d 'After a start, wait so many seconds for health checks'
$stop -l recover -d 'Start what a dead run left stopped'
$stop -l status -d 'Say what is stopped because of us'
$stop -l all -d 'The same for every project'
$stop -l lock -d 'Take the project\'s lock only'
$stop -l no-wait -d 'Fail if the lock is held'
$stop -s q -l quiet -d 'Say nothing but warnings and errors'
$stop -s v -l verbose -d 'Say more'
$stop -s h -l help -d 'Show the options'
$stop -l version -d 'Show the version'
complete -c aipm-stop -x -a '(__fish_complete_subcommand -C --directory --data -t --timeout)'

complete -c aipm-pack -s d -l directory -x -a '(__fish_complete_directories)' -d 'Publish a backup in this directory'
complete -c aipm-pack -s o -l output -r -F -d 'Publish as this file'
complete -c aipm-pack -l force -d 'Replace the file if it exists'
complete -c aipm-pack -s j -l jobs -x -a '1 2 4 8 16' -d 'Threads that compress'
complete -c aipm-pack -l level -x -a '(seq 9)' -d '1 fastest, 9 smallest'
for n in (seq 9)
    complete -c aipm-pack -s $n -d 'Compression level'
end
complete -c aipm-pack -s x -l exclude -x -d 'Leave out what matches'
complete -c aipm-pack -s r -l reference -r -F -d 'Take what is unchanged out of this'
complete -c aipm-pack -l checksum -d 'Read all, believe no time'
complete -c aipm-pack -l no-clone -d 'Share no blocks with the reference'
complete -c aipm-pack -l thin -d 'Leave out what the references have'
complete -c aipm-pack -l as -x -d 'Name the packed directory'
complete -c aipm-pack -l kind -x -a 'backup partial pre-restore' -d 'What the backup is'
complete -c aipm-pack -a '(__fish_complete_directories)'

complete -c aipm-unpack -s C -l directory -x -a '(__fish_complete_directories)' -d 'Unpack into this directory'
complete -c aipm-unpack -s j -l jobs -x -a '1 2 4 8 16' -d 'Threads that inflate'
complete -c aipm-unpack -s t -l test -d 'Verify everything, write nothing'
complete -c aipm-unpack -s v -l verbose -d 'Print the names'
complete -c aipm-unpack -l overwrite -d 'Replace names that exist'
complete -c aipm-unpack -l salvage -d 'Unpack what is sound of a damaged archive'
complete -c aipm-unpack -l special -d 'Make devices, set-id bits and file capabilities'
complete -c aipm-unpack -l sparse -d 'Make holes of all blocks of zeros'
complete -c aipm-unpack -l exchange -d 'Exchange two directories in one step'
complete -c aipm-unpack -a '(__aipm_archives)'

complete -c aipm-prune -l keep-last -x -a '3 10 30' -d 'Keep the newest complete backups'
complete -c aipm-prune -s n -l dry-run -d 'Remove nothing, print what would go'
complete -c aipm-prune -l legacy -d 'Count the names of older scripts too'
complete -c aipm-prune -a '(__fish_complete_directories)'

complete -c aipm-ls -s l -l long -d 'Sizes in bytes; entries as tar tv shows them'
complete -c aipm-ls -s 1 -l paths -d 'Only the paths'
complete -c aipm-ls -s 0 -l null -d 'Only the paths, each ended by a NUL'
complete -c aipm-ls -l latest -d 'Only the newest complete backup'
complete -c aipm-ls -l record -d 'How an archive was made'
complete -c aipm-ls -l sha256 -d 'An archive\'s digests'
complete -c aipm-ls -a '(__aipm_archives)'

complete -c aipm-restore -a '(__aipm_backups)'
complete -c aipm-restore -l start -d 'Start the services again at once'
complete -c aipm-restore -l keep-old -d 'Leave the former data beside'
complete -c aipm-restore -l no-pre-restore -d 'Remove the former data without archiving it'
complete -c aipm-restore -l force -d 'Even if the two have no name in common'
complete -c aipm-restore -l recover -d 'Finish or undo a restore that was cut off'
complete -c aipm-restore -s y -l yes -d 'Do not ask'

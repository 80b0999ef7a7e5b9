# Runs one program, as often as asked, for a parent that may die at any moment: then standard input ends, the program is
# killed and its folder removed. Usage: sh -c THIS guard FOLDER PROGRAM ARGUMENT…
# Reads `start` or a signal's name a line; writes `pid N` at each start and `exited N` at each end. The file `pid` holds no
# number once the program has ended: the next process to get it is somebody else.
folder=$1
shift
while read -r command; do
  if [ "$command" = start ]; then
    {
      "$@" </dev/null >>"$folder/log" 2>&1 &
      echo $! >"$folder/pid"
      echo "pid $!"
      wait $!
      status=$?
      : >"$folder/pid"
      echo "exited $status"
    } &
  else
    kill -"$command" "$(cat "$folder/pid")"
  fi
done
kill -KILL "$(cat "$folder/pid")"
wait
rm -rf "$folder"

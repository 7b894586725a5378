# shellcheck shell=bash disable=SC2034,SC2154
# Tests of deployments that meet others, older ones and newer ones; run.sh sources it.
OTHER=fedcba9876543210fedcba9876543210fedcba98
holds_lock() { echo "$OTHER build-7 $1 other-run" > "$CLOUD/lock"; } # since
check_untouched() { check "nothing was changed" 0 "$(called 'run deploy|update-traffic|jobs (update|execute)')"; }

test="another deployment goes on"
world
holds_lock "$(date +%s)"
run $deploy LOCK_TRIES=3
check "exit" 1 "$status"
check_untouched
check_says "waiting for the deployment of $OTHER (build build-7)"
check_says "the deployment of $OTHER still goes on"
check "it was waited for" 3 "$(called 'storage cp')"
check "the other keeps its lock" "$OTHER" "$(cut -d' ' -f1 "$CLOUD/lock")"

test="another deployment ends"
world ends
holds_lock "$(date +%s)"
run $deploy
check "exit" 0 "$status"
check "who serves chats" chats-new=100 "$(serves chats)"
check_unlocked

test="a lock was never given back"
world
holds_lock $(($(date +%s) - 7300))
run $deploy
check "exit" 1 "$status"
check_untouched
check_says "remove the lock and deploy again: gcloud storage rm gs://test-project-consentmd-deployments/lock"
check "it is left to a person" "$OTHER" "$(cut -d' ' -f1 "$CLOUD/lock")"

test="there is no bucket for the lock"
world bucket
run $deploy
check "exit" 1 "$status"
check_untouched
check_says "is the bucket there (terraform apply)"
check_says "The specified bucket does not exist"

test="the answer to the lock gets lost"
world lost
run $deploy
check "exit" 0 "$status"
check_unlocked

test="a newer commit serves"
world
deployed_at 1700000001
run $deploy
check "exit" 1 "$status"
check_untouched
check_unlocked
check_says "$COMMIT is of 2023-11-14T22:13:20Z, and what serves is newer, of 2023-11-14T22:13:21Z"

test="a newer commit serves a part of one service"
world
echo '{"committed":"1700000001"}' > "$CLOUD/revision-notes-older"
run $deploy
check "exit" 1 "$status"
check_untouched

test="a newer commit serves, and going back is asked for"
world
deployed_at 1700000001
run $deploy OLDER=allowed
check "exit" 0 "$status"
check "who serves chats" chats-new=100 "$(serves chats)"

test="the same commit serves"
world
deployed_at 1700000000
run $deploy
check "exit" 0 "$status"

test="nobody knows when the commit was made"
world
run $deploy COMMITTED=
check "exit" 1 "$status"
check_untouched
check_says "nobody here knows when $COMMIT was made"

test="somebody moves a service on by hand while it is deployed"
world "meddle chats"
run $deploy
check "exit" 1 "$status"
check "who serves chats" chats-by-hand=100 "$(serves chats)"
check "who serves audit" audit-old=100 "$(serves audit)"
check_says "chats-by-hand=100 serves, and before it was chats-old=100: somebody else has moved it, and it stays"

test="changing traffic works and says that it failed"
world "smoke chats" "unready audit"
run $deploy
check "exit" 1 "$status"
check_put_back

test="somebody changes the job by hand meanwhile"
world "meddle job"
run $deploy
check "exit" 1 "$status"
check_says "the job consentmd has the image by-hand"
check "the job's image" by-hand "$(cat "$CLOUD/job-image")"
check "nobody was given traffic" 0 "$(called 'update-traffic .*-new=')"

test="going back to a commit that has a function less"
world "image realtime"
repository=$(mktemp -d)
git init --quiet "$repository"
mkdir -p "$repository/terraform/generated"
echo '{"audit":{},"chats":{},"notes":{}}' > "$repository/terraform/generated/functions.json"
git -C "$repository" add .
GIT_COMMITTER_DATE='1650000000 +0000' git -C "$repository" -c user.name=test -c user.email=test@test.example commit --quiet -m test
deployed_at 1700000001
run $deploy COMMIT="$(git -C "$repository" rev-parse HEAD)" COMMITTED= OLDER=allowed GIT_DIR="$repository/.git"
check "exit" 0 "$status"
check "who serves chats" chats-new=100 "$(serves chats)"
check "who serves realtime" realtime-old=100 "$(serves realtime)"
check "its time is git's" 1650000000 "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["committed"])' "$CLOUD/revision-chats-new")"
rm -rf "$repository"

# shellcheck shell=bash
# One deployment of a project at a time: an object in a bucket, which Cloud Storage makes only where there is none. deploy.sh
# sources it. The object says who deploys: COMMIT BUILD UNIX-SECONDS RUN. Variables:
#   LOCK         the object; of the bucket that terraform/deployer.tf makes unless set
#   LOCK_TRIES   how often to look whether another deployment has ended, WAIT seconds apart; 360 unless set
#   BUILD        Cloud Build's id of the build; `by-hand` unless set
: "${PROJECT:?}" "${COMMIT:?}" "${WAIT:?}" "${work:?a folder for notes}"
LOCK=${LOCK:-gs://$PROJECT-consentmd-deployments/lock}
LOCK_TRIES=${LOCK_TRIES:-360}
# As long as cloudbuild.yaml's timeout: no build that took the lock before that is still running.
LOCK_STALE_SECONDS=7200
locking=""

moment() { TZ=UTC printf '%(%FT%TZ)T' "$1"; } # unix-seconds

# Who holds the lock; fails where nobody does.
held_by() { gcloud storage cat "$LOCK" --project="$PROJECT" 2>"$work/lock.unread"; }

take_lock() {
  local try held their_commit their_build their_since
  locking="$COMMIT ${BUILD:-by-hand} $(date +%s) $$-$RANDOM$RANDOM"
  for ((try = 1; ; try++)); do
    if printf '%s\n' "$locking" | gcloud storage cp - "$LOCK" --project="$PROJECT" --if-generation-match=0 --quiet 2>"$work/lock.refused"; then return 0; fi
    if held=$(held_by); then
      # An answer that got lost on its way: the lock was taken all the same.
      if [[ "$held" == "$locking" ]]; then return 0; fi
      read -r their_commit their_build their_since _ <<< "$held"
      if [[ ! "$their_since" =~ ^[0-9]+$ ]]; then echo "$LOCK is no lock of a deployment: look at it, and remove it with: gcloud storage rm $LOCK"; return 1; fi
      if (($(date +%s) - their_since > LOCK_STALE_SECONDS)); then
        echo "The deployment of $their_commit (build $their_build) took the lock at $(moment "$their_since") and never gave it back."
        echo "See that it runs no more and what it left (infra/deploy/README.md), then remove the lock and deploy again: gcloud storage rm $LOCK"
        return 1
      fi
      if ((try == 1)); then echo "waiting for the deployment of $their_commit (build $their_build), which began at $(moment "$their_since")"; fi
    elif ((try >= TRIES)); then
      echo "the lock $LOCK can neither be taken nor read: is the bucket there (terraform apply), and may this account write it?"
      cat "$work/lock.refused" "$work/lock.unread"
      return 1
    fi
    if ((try >= LOCK_TRIES)); then
      echo "the deployment of ${their_commit:-another commit} still goes on: deploy again when it has ended"
      return 1
    fi
    sleep "$WAIT"
  done
}

# Gives the lock back, if it is ours: whoever took it after it was removed by hand keeps it.
give_lock_back() {
  local generation
  if [[ -z "$locking" ]]; then return 0; fi
  generation=$(gcloud storage objects describe "$LOCK" --project="$PROJECT" --format='value(generation)' 2>/dev/null) || return 0
  if [[ "$(held_by)" != "$locking" ]]; then return 0; fi
  gcloud storage rm "$LOCK" --project="$PROJECT" --if-generation-match="$generation" --quiet >/dev/null 2>&1 \
    || echo "The lock is still there: gcloud storage rm $LOCK" >&2
}

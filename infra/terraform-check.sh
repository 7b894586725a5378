#!/usr/bin/env bash
# Checks terraform/ without an account: formatting, validity, what would be made for dev and prod, every module's and the root's
# tests, and that what the code declares anew arrives in the plan without an edit of HCL. Two at a time; a few minutes.
#
# Where ../shared/tools/terraform-check is, its stand-in for the providers is used (no download; the first time it makes a Python
# environment of its own in ~/.cache). Else plain terraform, which downloads the providers; then `plan` is left to the tests' mocked
# providers, since the real ones want an account.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
began=$SECONDS
at_once=${AT_ONCE:-2}

terraform version >/dev/null 2>&1 || { echo "terraform is not found: install 1.11 or later (https://developer.hashicorp.com/terraform/install)" >&2; exit 1; }
python3 --version >/dev/null 2>&1 || { echo "python3 is not found: it counts what a plan makes" >&2; exit 1; }

stand_in=$PWD/../shared/tools/terraform-check/terraform-check
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [[ -x "$stand_in" ]]; then
  echo "Providers: the stand-in with the schemas of 6.50 ($(basename "$(dirname "$stand_in")")), nothing is downloaded"
else
  stand_in=""
  echo "Providers: plain terraform downloads them; plans of dev and prod are SKIPPED (they want an account), the tests plan with mocks"
  export TF_PLUGIN_CACHE_DIR=$work/plugins TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE=1
  mkdir -p "$TF_PLUGIN_CACHE_DIR"
fi

# Terraform's own settings folder and lock file stay out of the checkout.
terraform_in() { # folder command arguments...
  local folder=$1 command=$2; shift 2
  if [[ -n "$stand_in" ]]; then "$stand_in" "$folder" "$command" "$@"; return; fi
  local copy
  copy=$(mktemp -d "$work/copy.XXXXXX") && copy_to "$copy" || return 1
  export TF_DATA_DIR=$copy/.data
  terraform -chdir="$copy/$folder" init -backend=false -input=false -no-color >/dev/null &&
    terraform -chdir="$copy/$folder" "$command" -no-color "$@"
}

# What terraform/ and its tests read.
copy_to() { # folder
  local file
  while IFS= read -r file; do
    mkdir -p "$1/$(dirname "$file")" && cp "$file" "$1/$file" || return 1
  done < <({ find terraform -name .terraform -prune -o -type f -print; echo infra/gateway/openapi.json; echo infra/deploy/lock.sh; echo cloudbuild.yaml
    find shared/google-setup/src/databases shared/events/src shared/runtime/src functions/audit/src -name '*.rs'; } | grep -v -e '\.tfstate' -e '\.lock\.hcl$')
}

plan_of() { # folder environment project
  terraform_in "$1" plan -input=false -lock=false -var-file="environments/$2.tfvars" -var "project_id=$3"
}

# In copies: a handler, a schedule, an index and a function more than the code has, and the plans before and after.
grows_by_declarations() {
  local copy=$work/grown
  mkdir -p "$copy" && copy_to "$copy" && python3 infra/terraform_plans.py grow "$copy/terraform/generated" || return 1
  plan_of "$copy/terraform" dev consentmd-dev-check > "$work/grown.log" 2>&1 || { cat "$work/grown.log"; return 1; }
  python3 infra/terraform_plans.py grown "$work/dev.plan" "$work/grown.log"
}

# Runs it into a log of its own; the result is in NAME.status.
check() { # name function...
  local name=$1 from=$SECONDS; shift
  if "$@" > "$work/$name.log" 2>&1; then echo 0 > "$work/$name.status"; else echo 1 > "$work/$name.status"; fi
  echo "$((SECONDS - from))" > "$work/$name.seconds"
}

formatted() { terraform fmt -check -recursive -diff terraform; }

planned() { # environment
  plan_of terraform "$1" "consentmd-$1-check" > "$work/$1.plan" 2>&1 || { cat "$work/$1.plan"; return 1; }
  grep -E '^Plan: [1-9][0-9]* to add, 0 to change, 0 to destroy' "$work/$1.plan" || { echo "the plan adds nothing, or changes what is not there"; return 1; }
}

names=() commands=()
add() { names+=("$1"); shift; commands+=("$*"); }
add format formatted
add root-tests terraform_in terraform test
if [[ -n "$stand_in" ]]; then
  add plan-dev planned dev
  add plan-prod planned prod
fi
for module in terraform/modules/*/; do
  name=$(basename "$module")
  add "module-$name" terraform_in "terraform/modules/$name" test
done

# Alone: the first call makes the stand-in's environment, or downloads the providers for all that come after.
check validate terraform_in terraform validate
for index in "${!names[@]}"; do
  while (($(jobs -rp | wc -l) >= at_once)); do wait -n; done
  # shellcheck disable=SC2086 # a command and its arguments, which have no spaces
  check "${names[index]}" ${commands[index]} &
done
wait
if [[ -n "$stand_in" ]]; then
  names+=(grows-without-hcl)
  check grows-without-hcl grows_by_declarations
fi

passed=0 failed=0
for name in validate "${names[@]}"; do
  summary=$(grep -hE '^(Success!|Failure!|Plan:|Grown:)' "$work/$name.log" | tail -n 1)
  if [[ $(cat "$work/$name.status" 2>/dev/null) == 0 ]]; then
    passed=$((passed + 1)); printf 'ok      %-22s %4s s  %s\n' "$name" "$(< "$work/$name.seconds")" "$summary"
  else
    failed=$((failed + 1)); printf 'FAILED  %-22s %4s s  %s\n' "$name" "$(cat "$work/$name.seconds" 2>/dev/null)" "$summary"
    sed 's/^/        | /' "$work/$name.log"
  fi
done

if [[ -s "$work/dev.plan" && -s "$work/prod.plan" ]]; then
  echo
  python3 infra/terraform_plans.py table "dev=$work/dev.plan" "prod=$work/prod.plan" || failed=$((failed + 1))
  echo
fi
echo "It took $((SECONDS - began)) s"
echo "terraform: $passed checks passed, $failed failed"
((failed == 0))

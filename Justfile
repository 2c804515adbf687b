# What is done with Berth's stack. `just` alone lists it.

set shell := ["bash", "-euo", "pipefail", "-c"]

docker_compose := `if docker compose version >/dev/null 2>&1; then echo docker compose; else echo docker-compose; fi`
just := quote(just_executable()) + " --justfile " + quote(justfile())
compose := docker_compose + " -f src/docker-compose.yml"
project := env('COMPOSE_PROJECT_NAME', `sed -n 's/^COMPOSE_PROJECT_NAME=//p' src/.env 2>/dev/null | grep . || echo src`)
# Settings of the demo machines for `just run`, like "-e base=debian -e count=3".
demo := env('BERTH_PROVISION', '')

# list what there is
_default:
    @{{just}} --list --unsorted

# from nothing to a pool of demo machines behind https://localhost
run: up provision register

# build and start the stack, and wait until it is ready
up: _settings
    {{compose}} up -d --build
    @{{just}} _wait

# the same, with a restart of whatever changes under src/
run-dev: _settings
    if [ -f src/web/vite.config.ts ]; then export COMPOSE_PROFILES=page PAGE=vite; fi; \
      {{compose}} -f src/docker-compose.dev.override.yml up -d --build
    @{{just}} _wait

# follow the logs, of all or some services
logs *services:
    {{compose}} logs -f --tail=100 {{services}}

# stop the stack; everything is kept
stop:
    {{compose}} down

# remove the stack with its DATABASE, its images and the demo machines; in production only with --yes
clean *yes: (_not_in_production yes)
    if command -v ansible-playbook >/dev/null; then {{just}} unprovision; fi
    {{compose}} -f src/docker-compose.dev.override.yml down -v --rmi local
    docker image prune --force --filter label=berth.stack={{project}} >/dev/null

# make the demo machines, like: just provision -e base=debian -e count=3
provision *settings=demo:
    ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false \
      ansible-playbook provision/provision.yml {{settings}}

# remove the demo machines
unprovision *settings=demo:
    ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false \
      ansible-playbook provision/unprovision.yml {{settings}}

# register the machines of a YAML file with the running stack
register file='provision/machines.yml':
    {{compose}} exec -T -e API_BASE=http://127.0.0.1:8080 api node utils/register-machines.ts /dev/stdin <'{{file}}'

# check and test everything that this machine can
test *options:
    npm test -- {{options}}

# measure
bench *options:
    npm run bench -- {{options}}

# write all data into one file; secrets stay sealed with BERTH_SECRET_KEY
backup file:
    umask 077; trap 'rm -f "{{file}}.part"' EXIT; \
      {{compose}} exec -T api berth-admin backup - >'{{file}}.part' && mv '{{file}}.part' '{{file}}'

# read a backup into this stack, which stops meanwhile: --replace --yes if it has users or machines already
restore file *options: _settings
    {{compose}} build api
    {{compose}} stop scheduler api
    status=0; {{compose}} run --rm -T api berth-admin restore {{options}} - <'{{file}}' || status=$?; \
      if [ -n "$({{compose}} ps -aq api)" ]; then {{compose}} start api scheduler; fi; exit $status

_not_in_production yes:
    @if grep -qs '^BERTH_ENV=production' src/.env && [ '{{yes}}' != --yes ]; then \
      echo 'This removes the database of a stack in production. To do so: just clean --yes' >&2; exit 1; fi

_settings:
    @[ -f src/.env ] || { umask 077; cp src/.env.example src/.env; echo 'Made src/.env with values for development.'; }

_wait:
    @for _ in $(seq 90); do \
      if [ "$(docker inspect -f '{{{{.State.Health.Status}}' $({{compose}} ps -q reverse-proxy))" = healthy ]; then \
        echo 'Berth is ready.'; exit 0; \
      fi; \
      sleep 1; \
    done; \
    echo 'The reverse proxy is not ready; see: just logs reverse-proxy' >&2; exit 1

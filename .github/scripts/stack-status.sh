#!/bin/sh
# What the services of the stack are doing, a line each, on a manager: stack-status.sh
#   <service> <state of its update or none> <running>/<wanted> <tasks that run what the service says> <last error>
set -eu

# What a deployment changes. The engine fills in other settings at one of the two and not at the other.
what='{{.Image}} {{json .Command}} {{json .Args}} {{json .Env}} {{json .Configs}} {{json .Secrets}} {{json .Mounts}} {{json .Healthcheck}}'

docker stack services --format '{{.Name}} {{.Replicas}}' minitwit | while read -r service replicas _; do
    update=$(docker service inspect --format '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{else}}none{{end}}' "$service")
    wanted=$(docker service inspect --format "{{with .Spec.TaskTemplate.ContainerSpec}}$what{{end}}" "$service")
    current=0
    for task in $(docker service ps --quiet --filter desired-state=running "$service"); do
        runs=$(docker inspect --type task --format "{{.Status.State}} {{with .Spec.ContainerSpec}}$what{{end}}" "$task")
        [ "$runs" != "running $wanted" ] || current=$((current + 1))
    done
    # An old error stays in the list, so it says something only beside a service that is not well.
    error=$(docker service ps --no-trunc --format '{{.Error}}' "$service" | grep -m 1 . || true)
    echo "$service $update $replicas $current $error"
done

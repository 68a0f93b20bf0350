#!/bin/bash
# helm as a person uses it: a chart installed, upgraded, rolled back and taken away. $HELM is the program.
# What is printed is the same on every server.
set -euo pipefail
cd "$(dirname "$0")"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
export HELM_CACHE_HOME="$scratch/cache" HELM_CONFIG_HOME="$scratch/config" HELM_DATA_HOME="$scratch/data"
ns="$CLIENT_NAMESPACE"
helm() { "$HELM" --namespace "$ns" "$@"; }
kubectl() { "$KUBECTL" --namespace "$ns" "$@"; }
said() { # of a release: its object's fields
  kubectl get configmap web -o jsonpath='{.data.greeting}/{.data.extra}'
  kubectl get deployment web -o jsonpath=' {.spec.replicas} {.status.readyReplicas} {.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].env[*].name}'
  kubectl get carts.helm.example.com web -o jsonpath=' {.spec.size} {.spec.owners[*]}{"\n"}'
}
expect() { # STATUS COMMAND...
  local want="$1" got=0
  shift
  "$@" >"$scratch/out" 2>&1 || got=$?
  if [ "$got" != "$want" ]; then
    echo "$*: exit status $got, not $want" >&2
    cat "$scratch/out" >&2
    exit 1
  fi
}

"$HELM" lint chart | tail -1
expect 0 helm install web chart --wait --timeout 2m
said
helm list --output json | python3 -c 'import json,sys; [print(r["name"], r["revision"], r["status"], r["chart"], r["app_version"]) for r in json.load(sys.stdin)]'
expect 1 helm install web chart
grep -o 'cannot re-use a name that is still in use' "$scratch/out"
expect 0 helm upgrade web chart --wait --timeout 2m --set greeting=goodbye,replicas=3,extra=more
said
kubectl get configmap web-before -o jsonpath='{.data.revision}{"\n"}'
expect 0 helm upgrade web chart --reuse-values --dry-run=server --set greeting=dry
said
helm get values web --output json
helm get manifest web | grep -c '^kind:'
expect 0 helm status web
grep -o 'web says goodbye' "$scratch/out"
# A change of somebody else is taken back by the next upgrade (or stays, where the chart says nothing of it).
kubectl annotate deployment web somebody=else >/dev/null
kubectl scale deployment web --replicas 1 >/dev/null
expect 0 helm rollback web 1 --wait --timeout 2m
said
kubectl get deployment web -o jsonpath='{.metadata.annotations.somebody}{"\n"}'
helm history web --output json | python3 -c 'import json,sys; [print(r["revision"], r["status"], r["description"]) for r in json.load(sys.stdin)]'
# An upgrade that cannot be stored fails, and is told in the history.
expect 1 helm upgrade web chart --set replicas=-1
helm history web --output json | python3 -c 'import json,sys; print(json.load(sys.stdin)[-1]["status"])'
expect 0 helm upgrade --install web chart --wait --timeout 2m --set greeting=again
said
expect 0 helm template web chart --validate --kube-version 1.36.0
expect 0 helm uninstall web --wait --timeout 2m
kubectl get configmap,service,deployment,serviceaccount,secret,carts.helm.example.com -l app.kubernetes.io/instance=web -o name
kubectl get secret -l owner=helm -o name
expect 0 kubectl delete crd carts.helm.example.com
echo done

#!/bin/bash
# kube-prometheus-stack as a person installs it, with our program in place of the operator: it runs with the arguments of the
# chart's Deployment, beside the cluster, since the pods of simulated nodes run nothing. $HELM, $KUBECTL and $OPERATOR are
# programs, $CHART is the chart's folder, $VALUES are values for `--set`, $SCRATCH a folder to write to.
set -euo pipefail
export HELM_CACHE_HOME="$SCRATCH/cache" HELM_CONFIG_HOME="$SCRATCH/config" HELM_DATA_HOME="$SCRATCH/data"
ns=monitoring release=k full=k-kube-prometheus-stack
kubectl() { "$KUBECTL" --namespace "$ns" "$@"; }
field() { kubectl get "$1" "$2" -o jsonpath="$3"; }
operator=
trap '[ -z "$operator" ] || kill "$operator" 2>/dev/null || true' EXIT

until_is() { # WANT COMMAND...: within two minutes
  local want="$1" got= begin=$SECONDS
  shift
  until got="$("$@" 2>&1)" && [ "$got" = "$want" ]; do
    if ((SECONDS - begin > 120)); then
      echo "$*: $got, not $want" >&2
      tail -5 "$SCRATCH/operator.log" >&2
      exit 1
    fi
    sleep 0.5
  done
  echo "ok: $*" >&2
}

"$KUBECTL" create namespace "$ns"
"$HELM" install "$release" "$CHART" --namespace "$ns" ${VALUES:+--set "$VALUES"} --timeout 3m >"$SCRATCH/install.txt"
echo "ok: the chart is installed, its hooks have passed" >&2

# What the pods of the two hooks do elsewhere: a certificate, in a Secret and in the webhooks. The API server of a testbed
# reaches no Services, so that the webhooks get an address.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=operator \
  -addext "subjectAltName=DNS:$full-operator.$ns.svc,IP:127.0.0.1" \
  -keyout "$SCRATCH/key" -out "$SCRATCH/cert" 2>/dev/null
kubectl create secret generic "$full-admission" --from-file="ca=$SCRATCH/cert" --from-file="$SCRATCH/cert" --from-file="$SCRATCH/key"
arguments() {
  kubectl get deployment "$full-operator" \
    -o jsonpath='{range .spec.template.spec.containers[0].args[*]}{@}{"\n"}{end}'
}
# The Secret is mounted at /cert there, and every address is listened on.
mapfile -t args < <(arguments | sed -e "s#=/cert/#=$SCRATCH/#" -e "s#^--web.listen-address=.*#--web.listen-address=127.0.0.1:$PORT#")
printf '  %s\n' "${args[@]}" >&2
"$OPERATOR" "${args[@]}" >"$SCRATCH/operator.log" 2>&1 &
operator=$!
webhook() { # mutating|validating CLIENTCONFIG FAILUREPOLICY
  kubectl patch "$1webhookconfiguration" "$full-admission" --type json -p \
    "[{\"op\":\"replace\",\"path\":\"/webhooks/0/clientConfig\",\"value\":$2},
      {\"op\":\"replace\",\"path\":\"/webhooks/0/failurePolicy\",\"value\":\"$3\"}]"
}
declare -A charts
for hook in mutating:mutate validating:validate; do
  kind="${hook%:*}"
  charts[$kind]="$(field "${kind}webhookconfiguration" "$full-admission" '{.webhooks[0].clientConfig}')"
  webhook "$kind" "{\"url\":\"https://127.0.0.1:$PORT/admission-prometheusrules/${hook#*:}\",
    \"caBundle\":\"$(base64 -w0 "$SCRATCH/cert")\"}" Fail
done

until_is True field prometheus "$full-prometheus" '{.status.conditions[?(@.type=="Reconciled")].status}'
until_is True field prometheus "$full-prometheus" '{.status.conditions[?(@.type=="Available")].status}'
until_is True field alertmanager "$full-alertmanager" '{.status.conditions[?(@.type=="Available")].status}'
until_is 1 field statefulset "prometheus-$full-prometheus" '{.status.readyReplicas}'
until_is 1 field statefulset "alertmanager-$full-alertmanager" '{.status.readyReplicas}'

monitors() { kubectl get servicemonitors -o name | wc -l; }
jobs() { # monitors that are in the configuration
  kubectl get secret "prometheus-$full-prometheus" -o jsonpath='{.data.prometheus\.yaml\.gz}' | base64 -d | gunzip |
    grep -o 'job_name: serviceMonitor/[^/]*/[^/]*' | sort -u | wc -l
}
rules() { kubectl get prometheusrules -o name | wc -l; }
files() {
  kubectl get configmaps -o go-template='{{range .items}}{{range $name, $_ := .data}}{{$name}}{{"\n"}}{{end}}{{end}}' |
    grep -c '^monitoring-.*\.yaml$'
}
[ "$(monitors)" -gt 0 ] && [ "$(rules)" -gt 0 ]
until_is "$(monitors)" jobs
until_is "$(rules)" files

rule() { # EXPRESSION
  cat <<RULE
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: tried, namespace: $ns, labels: {release: $release}}
spec: {groups: [{name: tried, rules: [{alert: Tried, expr: "$1"}]}]}
RULE
}
if rule 'sum(' | kubectl apply -f - >"$SCRATCH/refused.txt" 2>&1; then
  echo "a rule that can't be parsed is admitted" >&2
  exit 1
fi
grep -q 'could not parse expression' "$SCRATCH/refused.txt"
rule 'sum(up)' | kubectl apply -f -
until_is true field prometheusrule tried '{.metadata.annotations.prometheus-operator-validated}'
until_is "$(rules)" files

# helm merges what it finds with the chart's: an address and a Service together are refused.
for kind in mutating validating; do webhook "$kind" "${charts[$kind]}" Ignore; done
"$HELM" upgrade "$release" "$CHART" --namespace "$ns" --set "${VALUES:+$VALUES,}prometheus.prometheusSpec.replicas=2" --timeout 3m >"$SCRATCH/upgrade.txt"
until_is 2 field statefulset "prometheus-$full-prometheus" '{.status.readyReplicas}'
until_is True field prometheus "$full-prometheus" '{.status.conditions[?(@.type=="Available")].status}'
kubectl delete prometheusrule tried
"$HELM" uninstall "$release" --namespace "$ns" --timeout 3m >"$SCRATCH/uninstall.txt"
left() { kubectl get statefulsets,servicemonitors,prometheusrules -o name | wc -l; }
until_is 0 left
kill -0 "$operator"

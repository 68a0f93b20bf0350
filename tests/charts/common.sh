# What the scripts of the charts share. $HELM, $KUBECTL and $OPERATOR (under that name) are programs, $CHART is the chart's folder, $VALUES are
# values for `--set`, $SCRATCH is a folder to write to and $PORT is free on 127.0.0.1.
set -euo pipefail
export HELM_CACHE_HOME="$SCRATCH/cache" HELM_CONFIG_HOME="$SCRATCH/config" HELM_DATA_HOME="$SCRATCH/data"
ns=monitoring
kubectl() { "$KUBECTL" --namespace "$ns" "$@"; }
helm() { "$HELM" --namespace "$ns" "$@"; }
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

is() { # WHAT COMMAND...: holds now
  local what="$1"
  shift
  if ! "$@"; then
    echo "not so: $what" >&2
    exit 1
  fi
  echo "ok: $what" >&2
}

certify() { # FULLNAME: what the pods of the chart's two hooks do elsewhere, a certificate in a Secret and in the webhooks
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=operator \
    -addext "subjectAltName=DNS:$1-operator.$ns.svc,IP:127.0.0.1" \
    -keyout "$SCRATCH/key" -out "$SCRATCH/cert" 2>/dev/null
  kubectl create secret generic "$1-admission" --from-file="ca=$SCRATCH/cert" --from-file="$SCRATCH/cert" --from-file="$SCRATCH/key"
}

# It runs beside the cluster, since the pods of simulated nodes run nothing. The Secret is mounted at /cert there, and every
# address is listened on.
start_operator() { # FULLNAME [KUBECONFIG]: with the arguments of the chart's Deployment
  mapfile -t args < <(field deployment "$1-operator" '{range .spec.template.spec.containers[0].args[*]}{@}{"\n"}{end}' |
    sed -e "s#=/cert/#=$SCRATCH/#" -e "s#^--web.listen-address=.*#--web.listen-address=127.0.0.1:$PORT#")
  printf '  %s\n' "${args[@]}" >&2
  KUBECONFIG="${2:-$KUBECONFIG}" "$OPERATOR" "${args[@]}" >"$SCRATCH/operator.log" 2>&1 &
  operator=$!
}

webhook() { # FULLNAME mutating|validating CLIENTCONFIG FAILUREPOLICY
  kubectl patch "$2webhookconfiguration" "$1-admission" --type json -p \
    "[{\"op\":\"replace\",\"path\":\"/webhooks/0/clientConfig\",\"value\":$3},
      {\"op\":\"replace\",\"path\":\"/webhooks/0/failurePolicy\",\"value\":\"$4\"}]"
}

# The API server of a testbed reaches no Services, so that the webhooks get an address. helm merges what it finds with the
# chart's, and refuses an address and a Service together: what was there is kept in `charts`.
declare -A charts
redirect() { # FULLNAME
  local hook kind
  for hook in mutating:mutate validating:validate; do
    kind="${hook%:*}"
    charts[$kind]="$(field "${kind}webhookconfiguration" "$1-admission" '{.webhooks[0].clientConfig}')"
    webhook "$1" "$kind" "{\"url\":\"https://127.0.0.1:$PORT/admission-prometheusrules/${hook#*:}\",
      \"caBundle\":\"$(base64 -w0 "$SCRATCH/cert")\"}" Fail
  done
}
restore() { # FULLNAME
  local kind
  for kind in mutating validating; do webhook "$1" "$kind" "${charts[$kind]}" Ignore; done
}

configuration() { # PROMETHEUS
  kubectl get secret "prometheus-$1" -o jsonpath='{.data.prometheus\.yaml\.gz}' | base64 -d | gunzip
}
monitors() { kubectl get servicemonitors -o name | wc -l; }
jobs() { # PROMETHEUS: monitors that are in its configuration
  configuration "$1" | grep -o 'job_name: serviceMonitor/[^/]*/[^/]*' | sort -u | wc -l
}
rules() { kubectl get prometheusrules -o name | wc -l; }
files() { # of rules in ConfigMaps
  kubectl get configmaps -o go-template='{{range .items}}{{range $name, $_ := .data}}{{$name}}{{"\n"}}{{end}}{{end}}' |
    grep -c '^monitoring-.*\.yaml$'
}

rule() { # EXPRESSION RELEASE
  cat <<RULE
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: tried, namespace: $ns, labels: {release: $2}}
spec: {groups: [{name: tried, rules: [{alert: Tried, expr: "$1"}]}]}
RULE
}
rules_are_checked() { # RELEASE: leaves the rule `tried`
  if rule 'sum(' "$1" | kubectl apply -f - >"$SCRATCH/refused.txt" 2>&1; then
    echo "a rule that can't be parsed is admitted" >&2
    exit 1
  fi
  is 'a rule that cannot be parsed is refused' grep -q 'could not parse expression' "$SCRATCH/refused.txt"
  rule 'sum(up)' "$1" | kubectl apply -f -
  until_is true field prometheusrule tried '{.metadata.annotations.prometheus-operator-validated}'
}
left() { kubectl get statefulsets,servicemonitors,prometheusrules -o name | wc -l; }

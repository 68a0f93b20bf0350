#!/bin/bash
# kube-prometheus-stack 14.0.1 twice in a namespace, with our program in place of operator 0.46: one release with the operator
# alone, which has the rights of the chart's role and finds the chart's definitions, and one with a server and an Alertmanager.
# S1, S2… are the points of the acceptance; what needs no chart is in the scenarios `seed`, and the kubelets' Endpoints too,
# since the nodes of a testbed have loopback addresses. $CARRICK is our program under its own name.
source "$(dirname "$0")/common.sh"
here="$(dirname "$0")"
full=kps-kube-prometheus-stack
F=monitor-kube-prometheus-st

"$KUBECTL" create namespace "$ns"
"$KUBECTL" label namespace "$ns" name=prometheus
node="$("$KUBECTL" get nodes -o jsonpath='{.items[0].metadata.name}')"
"$KUBECTL" label node "$node" role=monitor
kubectl create secret generic etcd-client-cert --from-literal=etcd-ca=x --from-literal=etcd-client=x --from-literal=etcd-client-key=x
kubectl apply -f - <<CLAIM
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: rbd}
provisioner: kubernetes.io/no-provisioner
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: seed}
spec:
  storageClassName: rbd
  capacity: {storage: 100Gi}
  accessModes: [ReadWriteOnce]
  hostPath: {path: /nowhere}
  claimRef: {namespace: $ns, name: prometheus-$F-prometheus-db-prometheus-$F-prometheus-0}
CLAIM

values="${VALUES:+$VALUES,}global.rbac.pspEnabled=false"
off=defaultRules.create,alertmanager.enabled,prometheus.enabled
for part in kubeApiServer kubelet kubeControllerManager coreDns kubeDns kubeEtcd kubeScheduler kubeProxy; do off+=",$part.enabled"; done
helm install kps "$CHART" --set "$values,prometheusOperator.logFormat=logfmt,prometheusOperator.logLevel=info,${off//,/=false,}=false" --timeout 3m >"$SCRATCH/install.txt"
echo "ok: the operator's release is installed, its hooks have passed" >&2
certify "$full"

# Not with our own rights: with those of its ServiceAccount, hence of the chart's role.
token="$(kubectl create token "$full-operator" --duration 2h)"
cp "$KUBECONFIG" "$SCRATCH/operator.kubeconfig"
as_operator() { KUBECONFIG="$SCRATCH/operator.kubeconfig" "$@"; }
context="$("$KUBECTL" config current-context)"
cluster="$("$KUBECTL" config view -o jsonpath="{.contexts[?(@.name=='$context')].context.cluster}")"
as_operator "$KUBECTL" config set-credentials operator --token "$token" >/dev/null
as_operator "$KUBECTL" config set-context operator --cluster "$cluster" --user operator >/dev/null
as_operator "$KUBECTL" config use-context operator >/dev/null
is 'S2: the role lacks the status' test no = "$(as_operator "$KUBECTL" auth can-i update prometheuses.monitoring.coreos.com --subresource status -n "$ns" || true)"
start_operator "$full" "$SCRATCH/operator.kubeconfig"
expected="--kubelet-service=kube-system/$full-kubelet --log-format=logfmt --log-level=info --localhost=127.0.0.1
--prometheus-config-reloader=quay.io/prometheus-operator/prometheus-config-reloader:v0.46.0 --config-reloader-cpu=100m
--config-reloader-memory=50Mi --web.enable-tls=true --web.cert-file=$SCRATCH/cert --web.key-file=$SCRATCH/key
--web.listen-address=127.0.0.1:$PORT --web.tls-min-version=VersionTLS13"
is 'S1: exactly these arguments' test "${args[*]}" = "$(echo $expected)"
healthy() { curl --silent --fail --cacert "$SCRATCH/cert" "https://127.0.0.1:$PORT/healthz" >/dev/null && echo yes; }
until_is yes healthy
is 'S1: no TLS below 1.3' bash -c "! curl --silent --cacert '$SCRATCH/cert' --tls-max 1.2 https://127.0.0.1:$PORT/healthz"
redirect "$full"
helm install monitor "$CHART" --values "$here/seed.yaml" --set "$values" --timeout 3m >"$SCRATCH/install-monitor.txt"
server="$F-prometheus" manager="$F-alertmanager"
validated() { kubectl get prometheusrules -o jsonpath='{range .items[*]}{.metadata.annotations.prometheus-operator-validated}{"\n"}{end}' | grep -c true; }
[ "$(rules)" -gt 20 ]
is 'S5: all rules of the release are admitted and annotated' test "$(validated)" = "$(rules)"
rules_are_checked monitor
kubectl delete prometheusrule tried

until_is 1 field statefulset "prometheus-$server" '{.status.readyReplicas}'
until_is 1 field statefulset "alertmanager-$manager" '{.status.readyReplicas}'
container() { # NAME PATH
  field statefulset "prometheus-$server" "{.spec.template.spec.containers[?(@.name=='$1')]$2}"
}
labels='{.spec.selector.matchLabels.app}/{.spec.template.metadata.labels.app}'
is 'S6: the label of old Services is on the pods alone' test "$(field statefulset "prometheus-$server" "$labels")" = /prometheus
is 'S6: the reloader is as large as the arguments say' test "$(container config-reloader '.resources.requests.cpu'),$(container config-reloader '.resources.limits.memory')" = 100m,50Mi
claim='{.spec.volumeClaimTemplates[0].metadata.name} {.spec.volumeClaimTemplates[0].spec.storageClassName} {.spec.volumeClaimTemplates[0].spec.resources.requests.storage}'
is 'S7: the claim' test "$(field statefulset "prometheus-$server" "$claim")" = "prometheus-$server-db rbd 100Gi"
has_argument() { container prometheus .args | grep -qF -- "$1"; }
for argument in --storage.tsdb.retention.time=10d "--web.external-url=http://$server.$ns:9090" --web.route-prefix=/ --web.config.file=; do
  is "S8: $argument" has_argument "$argument"
done
is 'S8: nothing is uploaded' bash -c '! grep -q min-block-duration <<<"$0"' "$(container prometheus .args)"
mount="$(container prometheus '.volumeMounts[?(@.name=="secret-etcd-client-cert")].mountPath')"
is 'S9: the client certificate of etcd' test "$mount" = /etc/prometheus/secrets/etcd-client-cert
is 'S10: Thanos' test "$(container thanos-sidecar '.image') $(container thanos-sidecar '.ports[*].name')" = 'quay.io/thanos/thanos:v0.18.0 http grpc'
until_is "$(monitors)" jobs "$server"
configuration "$server" >"$SCRATCH/prometheus.yaml"
for part in 'cluster: k1' "prometheus: $ns/$server" 'scrape_interval: 30s' 'job_name: serviceMonitor/monitoring/monitor-kube-prometheus-st-apiserver/0' \
  'cert_file: /etc/prometheus/secrets/etcd-client-cert/etcd-client' 'bearer_token_file: ' 'api_version: v2'; do
  is "S12: $part" grep -qF "$part" "$SCRATCH/prometheus.yaml"
done
is 'S12: nothing that 2.24 does not know' bash -c "! grep -q authorization: '$SCRATCH/prometheus.yaml'"
endpoint() { # SERVICE PORT: the pod behind it
  kubectl get endpoints "$1" -o jsonpath="{.subsets[0].ports[?(@.port==$2)].port} {.subsets[0].addresses[0].targetRef.name}" 2>/dev/null
}
until_is "9090 prometheus-$server-0" endpoint "$server" 9090
until_is "9093 alertmanager-$manager-0" endpoint "$manager" 9093
until_is "10901 prometheus-$server-0" endpoint "$F-thanos-discovery" 10901
generated() { kubectl get secret "alertmanager-$manager-generated" -o jsonpath='{.data.alertmanager\.yaml\.gz}' | base64 -d | gunzip; }
generated >"$SCRATCH/alertmanager.yaml"
is 'S16: the routes of an Alertmanager without matchers' bash -c "grep -q 'alertname: Watchdog' '$SCRATCH/alertmanager.yaml' && ! grep -q matchers: '$SCRATCH/alertmanager.yaml'"
until_is "$(rules)" files

made() { # names and versions of what we wrote
  kubectl get statefulsets,secrets,configmaps,services -l managed-by=prometheus-operator \
    -o jsonpath='{range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{"\n"}{end}' | grep -v '^StatefulSet'
}
before="$(made)"
kubectl patch secret etcd-client-cert --type merge -p '{"stringData":{"etcd-ca":"y"}}'
edited="prometheusrule/$(kubectl get prometheusrules -l release=monitor -o jsonpath='{.items[0].metadata.name}')"
kubectl patch "$edited" --type json -p '[{"op":"add","path":"/spec/groups/-","value":{"name":"more","rules":[{"record":"a:b","expr":"sum(up)"}]}}]'
writes() { { diff <(echo "$before") <(made) || true; } | grep -c '^>'; }
until_is 1 writes
is 'S18: a rule is one ConfigMap, a rotated Secret nothing' bash -c 'grep -q "^> ConfigMap" <<<"$0"' "$(diff <(echo "$before") <(made) || true)"

# What comes with 0.93, on top: the definitions and the role, under the running program.
pod="$(field pod "prometheus-$server-0" '{.metadata.uid}')"
"$CARRICK" crds | "$KUBECTL" apply --server-side --force-conflicts -f - >"$SCRATCH/crds.txt"
"$CARRICK" rbac monitoring >"$SCRATCH/role.yaml"
"$KUBECTL" apply -f "$SCRATCH/role.yaml" >"$SCRATCH/rbac.txt"
role="$("$KUBECTL" get -f "$SCRATCH/role.yaml" -o jsonpath='{.items[?(@.kind=="ClusterRole")].metadata.name}')"
"$KUBECTL" create clusterrolebinding upgraded --clusterrole "$role" --serviceaccount "$ns:$full-operator"
until_is True field prometheus "$server" '{.status.conditions[?(@.type=="Available")].status}'
until_is True field alertmanager "$manager" '{.status.conditions[?(@.type=="Available")].status}'
is 'S21: the pod is the same' test "$pod" = "$(field pod "prometheus-$server-0" '{.metadata.uid}')"

restore "$full"
helm uninstall monitor --timeout 3m >"$SCRATCH/uninstall.txt"
helm uninstall kps --timeout 3m >>"$SCRATCH/uninstall.txt"
until_is 0 left
kill -0 "$operator"

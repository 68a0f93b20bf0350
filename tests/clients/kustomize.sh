#!/bin/bash
# kubectl apply -k with a base and two overlays. What is printed is the same on every server.
set -euo pipefail
cd "$(dirname "$0")/kustomize"
kubectl() { "$KUBECTL" --namespace "$CLIENT_NAMESPACE" "$@"; }

for overlay in staging production; do
  kubectl apply -k "overlays/$overlay"
  kubectl apply -k "overlays/$overlay"
  kubectl diff -k "overlays/$overlay"
  kubectl rollout status "deployment/$overlay-app" --timeout 2m >/dev/null
done
kubectl get deployments -l 'stage in (staging,production)' \
  -o custom-columns='NAME:.metadata.name,IMAGE:.spec.template.spec.containers[0].image,READY:.status.readyReplicas,CPU:.spec.template.spec.containers[0].resources.requests.cpu'
kubectl get service production-app -o jsonpath='{.metadata.annotations.patched} {.spec.selector}{"\n"}'
kubectl get configmaps -l stage -o name
# The overlay of another checkout: one more literal, so another name of the ConfigMap, and a new ReplicaSet.
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
cp -r . "$scratch/k"
sed -i 's/colour=yellow/colour=green/' "$scratch/k/overlays/staging/kustomization.yaml"
status=0
kubectl diff -k "$scratch/k/overlays/staging" >/dev/null || status=$?
echo "diff: $status"
kubectl apply -k "$scratch/k/overlays/staging" --prune -l stage=staging --prune-allowlist core/v1/ConfigMap
kubectl rollout status deployment/staging-app --timeout 2m >/dev/null
kubectl get configmaps -l stage=staging -o jsonpath='{.items[*].data.colour}{"\n"}'
kubectl delete -k "$scratch/k/overlays/staging" --wait
kubectl delete -k overlays/production --wait --cascade=foreground
kubectl get all,configmaps -l 'stage in (staging,production)' -o name
echo done

// Command testbed is a whole Kubernetes control plane in one binary: the first
// argument says which program to be. Only the chosen one is constructed, since
// each constructor claims the process's signals for itself.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

const usage = "usage: testbed etcd|kube-apiserver|kube-controller-manager|kube-scheduler FLAGS\n" +
	"       testbed supervise DIR"

func main() {
	if len(os.Args) < 2 {
		fail(usage)
	}
	role, args := os.Args[1], os.Args[1:]
	switch role {
	case "etcd":
		etcdmain.Main(args)
	case "kube-apiserver":
		run(apiserver.NewAPIServerCommand(), args)
	case "kube-controller-manager":
		run(controllers.NewControllerManagerCommand(), args)
	case "kube-scheduler":
		run(scheduler.NewSchedulerCommand(), args)
	case "supervise":
		if len(args) != 2 {
			fail(usage)
		}
		if err := supervise(args[1]); err != nil {
			fail("testbed: " + err.Error())
		}
	default:
		fail(usage)
	}
}

func run(command *cobra.Command, args []string) {
	os.Args = args
	os.Exit(cli.Run(command))
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(2)
}

// A Kubernetes API server with its etcd in one process, for tests: apiserver DIR PORT.
//
// DIR must hold tokens.csv and sa.key; the server's own certificate appears as DIR/certs/apiserver.crt. Nothing is durable.
package main

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// local returns an address on loopback with a port that was free a moment ago.
func local() (url.URL, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return url.URL{}, err
	}
	defer listener.Close()
	return url.URL{Scheme: "http", Host: listener.Addr().String()}, nil
}

// keep starts etcd below dir and returns its address.
func keep(dir string) (string, error) {
	settings := embed.NewConfig()
	settings.Dir = filepath.Join(dir, "etcd")
	settings.UnsafeNoFsync = true
	settings.LogLevel = "error"
	client, err := local()
	if err != nil {
		return "", err
	}
	peer, err := local()
	if err != nil {
		return "", err
	}
	settings.ListenClientUrls, settings.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	settings.ListenPeerUrls, settings.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	settings.InitialCluster = settings.InitialClusterFromName(settings.Name)
	server, err := embed.StartEtcd(settings)
	if err != nil {
		return "", err
	}
	<-server.Server.ReadyNotify()
	return client.String(), nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: apiserver DIR PORT")
		os.Exit(2)
	}
	dir, port := os.Args[1], os.Args[2]
	store, err := keep(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "etcd:", err)
		os.Exit(1)
	}
	command := app.NewAPIServerCommand()
	command.SetArgs([]string{
		"--etcd-servers=" + store, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + port,
		"--cert-dir=" + filepath.Join(dir, "certs"), "--token-auth-file=" + filepath.Join(dir, "tokens.csv"),
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + filepath.Join(dir, "sa.key"),
		"--service-account-signing-key-file=" + filepath.Join(dir, "sa.key"), "--authorization-mode=RBAC",
		"--service-cluster-ip-range=10.96.0.0/16", "--endpoint-reconciler-type=none",
		// Nobody makes the accounts that this admission waits for.
		"--disable-admission-plugins=ServiceAccount",
	})
	os.Exit(cli.Run(command))
}

// What kubeadm asks of crictl, by the client of CRI v1 that Kubernetes generates: a stand-in for tests, as crictl itself is in no
// package here. test/kubernetes.sh builds it within the tree of Kubernetes.
//
//	crictl -r unix:///path info | version | pods [-q] | ps | inspecti IMAGE | pull IMAGE | stopp ID | rmp ID | runp
//
// Each try has the two seconds that kubeadm gives it, from a connection of its own on; five times a sandbox is tried to be removed,
// as kubeadm does since 1.24.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "FATA", err)
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	if len(args) < 3 || args[0] != "-r" {
		return fmt.Errorf("usage: crictl -r unix:///path COMMAND [ARGUMENT]")
	}
	endpoint, command, rest := args[1], args[2], args[3:]
	argument := ""
	if len(rest) > 0 {
		argument = rest[0]
	}
	tries, timeout := 1, 2*time.Second
	switch command {
	case "pull":
		timeout = time.Minute
	case "stopp", "rmp":
		tries = 5
	}
	for ; tries > 0; tries-- {
		if err = try(endpoint, command, argument, timeout); err == nil {
			break
		}
	}
	return err
}

func try(endpoint, command, argument string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := dial(ctx, endpoint)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := runtime.NewRuntimeServiceClient(conn).Version(ctx, &runtime.VersionRequest{}); err != nil {
		return fmt.Errorf("validate CRI v1 runtime API for endpoint %q: %w", endpoint, err)
	}
	if _, err := runtime.NewImageServiceClient(conn).ImageFsInfo(ctx, &runtime.ImageFsInfoRequest{}); err != nil {
		return fmt.Errorf("validate CRI v1 image API for endpoint %q: %w", endpoint, err)
	}
	return call(ctx, conn, command, argument)
}

func dial(ctx context.Context, endpoint string) (*grpc.ClientConn, error) {
	path := strings.TrimPrefix(endpoint, "unix://")
	dialer := func(ctx context.Context, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	return grpc.DialContext(ctx, path, grpc.WithInsecure(), grpc.WithAuthority("localhost"), grpc.WithContextDialer(dialer))
}

func call(ctx context.Context, conn *grpc.ClientConn, command, argument string) error {
	runtimes, images := runtime.NewRuntimeServiceClient(conn), runtime.NewImageServiceClient(conn)
	switch command {
	case "version":
		return show(runtimes.Version(ctx, &runtime.VersionRequest{}))
	case "info":
		status, err := runtimes.Status(ctx, &runtime.StatusRequest{Verbose: true})
		if err != nil {
			return err
		}
		for _, condition := range status.Status.Conditions {
			if condition.Type == runtime.RuntimeReady && !condition.Status {
				return fmt.Errorf("container runtime condition %q is not true: %s", condition.Type, condition.Message)
			}
		}
		return show(status, nil)
	case "pods":
		list, err := runtimes.ListPodSandbox(ctx, &runtime.ListPodSandboxRequest{})
		if err != nil || argument != "-q" {
			return show(list, err)
		}
		for _, sandbox := range list.Items {
			fmt.Println(sandbox.Id)
		}
		return nil
	case "ps":
		return show(runtimes.ListContainers(ctx, &runtime.ListContainersRequest{}))
	case "stopp":
		_, err := runtimes.StopPodSandbox(ctx, &runtime.StopPodSandboxRequest{PodSandboxId: argument})
		return err
	case "rmp":
		_, err := runtimes.RemovePodSandbox(ctx, &runtime.RemovePodSandboxRequest{PodSandboxId: argument})
		return err
	case "runp":
		return show(runtimes.RunPodSandbox(ctx, &runtime.RunPodSandboxRequest{}))
	case "pull":
		return show(images.PullImage(ctx, &runtime.PullImageRequest{Image: &runtime.ImageSpec{Image: argument}}))
	case "inspecti":
		status, err := images.ImageStatus(ctx, &runtime.ImageStatusRequest{Image: &runtime.ImageSpec{Image: argument}})
		if err == nil && status.Image == nil {
			return fmt.Errorf("no such image %q present", argument)
		}
		return show(status, err)
	}
	return fmt.Errorf("no such command: %s", command)
}

// show prints an answer as JSON, with the names of the generated types.
func show(answer interface{}, err error) error {
	if err != nil {
		return err
	}
	text, err := json.Marshal(answer)
	fmt.Println(string(text))
	return err
}

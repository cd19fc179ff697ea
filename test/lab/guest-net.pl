# Makes and answers connections in the network namespaces of a guest, all in one process.
#
#   perl guest-net.pl serve   stdin, a line a server: namespace, transport, port, name. It answers `name client's-address`
#   perl guest-net.pl ask     stdin, a line a question: namespace, transport, address, port, times, seconds to wait,
#                             the client's port or 0.
#                             stdout, a line a question: what each connection met, with tabs between: the answer, `refused`,
#                             `silence`, or another error
use strict;
use warnings;
use Errno;
use Fcntl;
use Socket qw(:DEFAULT inet_ntop inet_pton pack_sockaddr_in6 unpack_sockaddr_in6 IPPROTO_IPV6 IPV6_V6ONLY);

my $SYS_setns = 308;
my $CLONE_NEWNET = 0x40000000;
my $parallel = 64;

sub socket_in {
    my ($namespace, $family, $transport) = @_;
    open(my $netns, '<', "/run/netns/$namespace") or die "$namespace: $!";
    syscall($SYS_setns, fileno($netns), $CLONE_NEWNET) == 0 or die "setns $namespace: $!";
    socket(my $socket, $family, $transport eq 'UDP' ? SOCK_DGRAM : SOCK_STREAM, 0) or die "socket: $!";
    fcntl($socket, F_SETFL, O_NONBLOCK) or die "fcntl: $!";
    return $socket;
}

sub address_of {
    my ($host, $port) = @_;
    return pack_sockaddr_in6($port, inet_pton(AF_INET6, $host)) if $host =~ /:/;
    return pack_sockaddr_in($port, inet_pton(AF_INET, $host));
}

sub text_of {
    my ($address) = @_;
    return inet_ntop(AF_INET, (unpack_sockaddr_in($address))[1]) if sockaddr_family($address) == AF_INET;
    return inet_ntop(AF_INET6, (unpack_sockaddr_in6($address))[1]);
}

# The sockets among some that can be read, or written, within a moment.
sub ready {
    my ($reading, $writing) = @_;
    my ($read, $write) = ('', '');
    vec($read, fileno($_), 1) = 1 for @$reading;
    vec($write, fileno($_), 1) = 1 for @$writing;
    select($read, $write, undef, 0.2);
    return ([grep { vec($read, fileno($_), 1) } @$reading], [grep { vec($write, fileno($_), 1) } @$writing]);
}

sub serve {
    my @servers;
    while (<STDIN>) {
        my ($namespace, $transport, $port, $name) = split;
        for my $any ('0.0.0.0', '::') {
            my $socket = socket_in($namespace, $any eq '::' ? AF_INET6 : AF_INET, $transport);
            setsockopt($socket, IPPROTO_IPV6, IPV6_V6ONLY, 1) if $any eq '::';
            bind($socket, address_of($any, $port)) or die "bind $name: $!";
            listen($socket, 256) if $transport eq 'TCP';
            push @servers, { socket => $socket, name => $name, transport => $transport };
        }
    }
    my %server_of = map { ($_->{socket} => $_) } @servers;
    # Whoever started it waits for the end of its output.
    open(STDOUT, '>', '/dev/null');
    open(STDERR, '>', '/dev/null');
    exit if fork;
    while (1) {
        my ($readable) = ready([map { $_->{socket} } @servers], []);
        answer($server_of{$_}) for @$readable;
    }
}

sub answer {
    my ($server) = @_;
    if ($server->{transport} eq 'UDP') {
        my $client = recv($server->{socket}, my $text, 100, 0);
        send($server->{socket}, "$server->{name} " . text_of($client), 0, $client) if $client;
    } elsif (my $client = accept(my $connection, $server->{socket})) {
        syswrite($connection, "$server->{name} " . text_of($client));
    }
}

my (%open, @met);

sub begin {
    my ($question, $namespace, $transport, $host, $port, $seconds, $source) = @_;
    my $socket = socket_in($namespace, $host =~ /:/ ? AF_INET6 : AF_INET, $transport);
    my $isUdp = $transport eq 'UDP';
    bind($socket, address_of($host =~ /:/ ? '::' : '0.0.0.0', $source)) or die "bind: $!";
    $open{$socket} = { socket => $socket, question => $question, until => time + $seconds, isWaiting => !$isUdp, text => '' };
    if (!connect($socket, address_of($host, $port)) && !$!{EINPROGRESS}) { finish($open{$socket}, failed($!)) }
    # What forbids to send says why, to who reads.
    elsif ($isUdp && !defined(send($socket, 'hello', 0)) && $!{ECONNREFUSED}) { finish($open{$socket}, 'refused') }
}

sub failed { my ($error) = @_; return $error == Errno::ECONNREFUSED() ? 'refused' : "error: $error" }

sub finish {
    my ($connection, $met) = @_;
    push @{ $met[$connection->{question}] }, $met;
    delete $open{ $connection->{socket} };
    close($connection->{socket});
}

sub go_on {
    my ($connection) = @_;
    my $count = sysread($connection->{socket}, my $text, 1000);
    return $!{EAGAIN} ? () : finish($connection, failed($!)) unless defined $count;
    $connection->{text} .= $text;
    finish($connection, $connection->{text}) if $count == 0 || getsockopt($connection->{socket}, SOL_SOCKET, SO_TYPE) eq pack('i', SOCK_DGRAM);
}

sub connected {
    my ($connection) = @_;
    my $error = unpack('i', getsockopt($connection->{socket}, SOL_SOCKET, SO_ERROR));
    $connection->{isWaiting} = 0;
    finish($connection, failed($! = $error)) if $error;
}

sub ask {
    my @todo;
    my $questions = 0;
    while (<STDIN>) {
        my ($namespace, $transport, $host, $port, $times, $seconds, $source) = split;
        push @todo, [$questions, $namespace, $transport, $host, $port, $seconds, $source] for 1 .. $times;
        $questions += 1;
    }
    while (@todo || %open) {
        begin(@{ shift @todo }) while @todo && keys %open < $parallel;
        my @all = values %open;
        my ($readable, $writable) = ready(
            [map { $_->{socket} } grep { !$_->{isWaiting} } @all], [map { $_->{socket} } grep { $_->{isWaiting} } @all]);
        go_on($open{$_}) for @$readable;
        connected($open{$_}) for @$writable;
        finish($_, 'silence') for grep { $_->{until} < time } values %open;
    }
    print join("\t", @{ $_ // [] }), "\n" for @met[0 .. $questions - 1];
}

$ARGV[0] eq 'serve' ? serve() : ask();

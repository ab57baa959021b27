%% The Erlang/OTP side of the comparison: reads one command per line from standard input, runs the
%% workload and answers one line, so that the harness can interleave its rounds with the JVM's.
%%
%%   pingpong PAIRS BLOCK_EVERY MESSAGES                  -> ok NANOSECONDS
%%   fanin PRODUCERS MESSAGES                             -> ok NANOSECONDS
%%   skynet LEAVES FANOUT                                 -> ok NANOSECONDS
%%   ask_outside SERVERS OUTSTANDING BLOCK_EVERY ASKS     -> ok NANOSECONDS
%%   ask_actor PAIRS ASKS                                 -> ok NANOSECONDS
%%   idle PROCESSES                                       -> ok NANOSECONDS MEMORY_BYTES RSS_BYTES
%%   info                                                 -> ok TEXT
%%
%% BLOCK_EVERY 10 means that every tenth message a process handles sleeps 1 ms; 0 means never.
%% Nobody is linked: thousands of exit signals at one process make each round slower than the one before.
%% Messaging uses bare processes, the fastest there is; asks use gen_server:call, what people write.
-module(plex_peer).
-behaviour(gen_server).
-export([main/0, init/1, handle_call/3, handle_cast/2]).

-define(BLOCK_MS, 1).

main() ->
    case io:get_line("") of
        eof -> halt(0);
        {error, _} -> halt(1);
        Line ->
            Words = string:lexemes(string:trim(Line), " "),
            io:format("~s~n", [try command(Words) catch C:R:S -> io_lib:format("error ~0p", [{C, R, S}]) end]),
            main()
    end.

command(["info"]) ->
    io_lib:format("ok Erlang/OTP ~s erts ~s ~s, ~b schedulers online",
                  [erlang:system_info(otp_release), erlang:system_info(version),
                   erlang:system_info(emu_flavor), erlang:system_info(schedulers_online)]);
command([Name | Args]) ->
    [First | Rest] = [list_to_integer(A) || A <- Args],
    answer(run(Name, [First | Rest])).

answer(Ns) when is_integer(Ns) -> io_lib:format("ok ~b", [Ns]);
answer({Ns, Memory, Rss}) -> io_lib:format("ok ~b ~b ~b", [Ns, Memory, Rss]).

run("pingpong", [Pairs, Block, Messages]) ->
    Rounds = Messages div (2 * Pairs),
    Boss = self(),
    Lefts = [begin
                 Right = spawn(fun() -> pong(Block, 1) end),
                 spawn(fun() -> receive go -> Right ! {ball, self()} end, ping(Boss, Right, Rounds, Block, 1) end)
             end || _ <- lists:seq(1, Pairs)],
    timed(fun() ->
                  [L ! go || L <- Lefts],
                  await(done, Pairs)
          end);
run("fanin", [Producers, Messages]) ->
    Share = Messages div Producers,
    Boss = self(),
    Consumer = spawn(fun() -> consume(Boss, Share * Producers) end),
    Ps = [spawn(fun() -> receive go -> produce(Consumer, Share) end end) || _ <- lists:seq(1, Producers)],
    timed(fun() ->
                  [P ! go || P <- Ps],
                  await(done, 1)
          end);
run("skynet", [Leaves, Fanout]) ->
    Boss = self(),
    Expected = Leaves * (Leaves - 1) div 2,
    timed(fun() ->
                  spawn(fun() -> skynet(Boss, 0, Leaves, Fanout) end),
                  receive {sum, Expected} -> ok end
          end);
run("ask_outside", [Servers, Outstanding, Block, Asks]) ->
    run_asks(Servers, Outstanding, Block, Asks);
run("ask_actor", [Pairs, Asks]) ->
    run_asks(Pairs, Pairs, 0, Asks);
run("idle", [Count]) ->
    [erlang:garbage_collect(P) || P <- processes()],
    Before = erlang:memory(total),
    RssBefore = rss(),
    Boss = self(),
    T0 = erlang:monotonic_time(nanosecond),
    %% Counted in an atomic: a million `up` messages in one mailbox would be what we measure.
    Up = atomics:new(1, []),
    Pids = [spawn(fun() ->
                          case atomics:add_get(Up, 1, 1) of
                              Count -> Boss ! up;
                              _ -> ok
                          end,
                          idle(0)
                  end) || _ <- lists:seq(1, Count)],
    await(up, 1),
    Ns = erlang:monotonic_time(nanosecond) - T0,
    erlang:garbage_collect(),
    %% The list of pids belongs to this process, not to the idle ones.
    Memory = erlang:memory(total) - Before - 2 * 8 * Count,
    Rss = rss() - RssBefore,
    Refs = [begin exit(P, kill), monitor(process, P) end || P <- Pids],
    [receive {'DOWN', R, _, _, _} -> ok end || R <- Refs],
    {Ns, Memory, Rss}.

timed(Fun) ->
    erlang:garbage_collect(),
    T0 = erlang:monotonic_time(nanosecond),
    Fun(),
    erlang:monotonic_time(nanosecond) - T0.

await(_, 0) -> ok;
await(What, N) -> receive What -> await(What, N - 1) end.

block(0, _) -> ok;
block(Every, Count) when Count rem Every =:= 0 -> timer:sleep(?BLOCK_MS);
block(_, _) -> ok.

ping(Boss, Right, 0, _, _) -> Right ! stop, Boss ! done;
ping(Boss, Right, Rounds, Block, Count) ->
    receive
        {ball, _} ->
            block(Block, Count),
            case Rounds of
                1 -> ok;
                _ -> Right ! {ball, self()}
            end,
            ping(Boss, Right, Rounds - 1, Block, Count + 1)
    end.

pong(Block, Count) ->
    receive
        {ball, From} -> block(Block, Count), From ! {ball, self()}, pong(Block, Count + 1);
        stop -> ok
    end.

consume(Boss, 0) -> Boss ! done;
consume(Boss, N) -> receive {item, _} -> consume(Boss, N - 1) end.

produce(_, 0) -> ok;
produce(Consumer, N) -> Consumer ! {item, N}, produce(Consumer, N - 1).

skynet(Parent, Number, 1, _) -> Parent ! {sum, Number};
skynet(Parent, Number, Size, Fanout) ->
    Sub = Size div Fanout,
    Self = self(),
    [spawn(fun() -> skynet(Self, Number + I * Sub, Sub, Fanout) end) || I <- lists:seq(0, Fanout - 1)],
    Parent ! {sum, collect(Fanout, 0)}.

collect(0, Sum) -> Sum;
collect(N, Sum) -> receive {sum, S} -> collect(N - 1, Sum + S) end.

run_asks(Servers, Clients, Block, Asks) ->
    Boss = self(),
    Ss = list_to_tuple([element(2, {ok, _} = gen_server:start_link(?MODULE, Block, [])) || _ <- lists:seq(1, Servers)]),
    Share = Asks div Clients,
    Cs = [spawn(fun() -> receive go -> client(element(1 + C rem Servers, Ss), Share), Boss ! done end end)
          || C <- lists:seq(0, Clients - 1)],
    Ns = timed(fun() ->
                       [C ! go || C <- Cs],
                       await(done, Clients)
               end),
    [gen_server:stop(S) || S <- tuple_to_list(Ss)],
    Ns.

client(_, 0) -> ok;
client(Server, N) -> N = gen_server:call(Server, {echo, N}), client(Server, N - 1).

init(Block) -> {ok, {Block, 1}}.
handle_call({echo, X}, _From, {Block, Count}) -> block(Block, Count), {reply, X, {Block, Count + 1}}.
handle_cast(_, State) -> {noreply, State}.

idle(N) -> receive {add, M} -> idle(N + M) end.

%% Linux only: resident bytes of this process.
rss() ->
    {ok, Statm} = file:read_file("/proc/self/statm"),
    [_, Resident | _] = string:lexemes(binary_to_list(Statm), " "),
    list_to_integer(Resident) * 4096.

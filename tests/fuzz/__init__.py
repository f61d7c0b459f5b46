"""Hostile octets into everything that eats them: out come values or errors of ours, soon, and in little room.

A *target* is a function that does one case: it draws everything that is random from the source that it is given, calls
the code under test through its ``Watch``, and returns how many mutated frames the case had. A case is known by its
target, a seed and its number, so that it is the same whenever it is done, alone or among two million:

    make fuzz                                   two million frames over all targets
    make fuzz FUZZ_COUNT=50000 FUZZ_SEED=7      fewer, others
    make fuzz FUZZ_REPLAY=get:1:4711            one case, with its octets

The recordings beside the project are among the good octets: where they are not there, cases have other octets.

What a case must hold to (``watch``):

- nothing is raised but TelegrafDlmsError, and of these no LocalProtocolError: that would be what we say, not what came;
- no call takes more than 50 ms of CPU: the calls of a conversation are its steps;
- the process does not grow by more than 10 MB, for a moment or for ever;
- each printed line is line protocol, its numbers are finite and fit their fields;
- in an association with authenticated ciphering no value is read that the meter did not send.

Mutations get where they are to go: checksums and lengths of HDLC and WRAPPER are mended behind most of them, and what
is ciphered is mutated in clear and ciphered again (``mutation``, ``wires``).
"""

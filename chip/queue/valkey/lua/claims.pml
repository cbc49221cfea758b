/* Claims, grants and takeover: who forwards a chat's events to Courier, and when somebody else may.
   A model for Spin, of claims.lua, spool_claim.lua, spool_settle.lua, and of the processes that call
   them: chat/outbound/forwarder.py, attempt.py and queue/valkey/spool.py.

   One chat, two Chips, Valkey, Courier. Each script is one step. At any point
     - a process stands still for as long as it likes: nothing makes it take its next step, and time
       passes meanwhile;
     - a process is killed, and starts anew under another token;
     - an answer of Valkey's is lost, or what was asked for is carried out later than what is asked
       next, or never;
     - Courier takes any part of a request, fails, or its answer is lost.

   Proved, for every order in which this can happen, as often as KILLS, LOSSES and FAILURES say:
     - Courier takes no event twice, and none before one that was said earlier;
     - no event leaves the spool that Courier has not taken.

   Time is counted in ticks. It is assumed that none passes between the look at a claim's age and the
   sending (`claim_lasts` has room for what does), and that Courier does nothing for a request COURIER
   ticks after it was sent. Whether a claim's owner seems to be alive is left out: nothing that is
   proved rests on it.

   Each of these breaks it, and is found (tests/test_claims_model.py):
     -DNO_GRANT     whoever settles is believed, without a look at whose claim it is, and which
     -DNO_AGE       a process sends on the strength of a claim however old
     -DNO_LOOKUP    what may have arrived is sent again, and the database is not asked
     -DNO_DEADLINE  a chat is taken over at once
     -DSHORT        a claim lasts as long as Courier has, counted from the claim, not the sending
*/

#ifndef EVENTS
#define EVENTS 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef FAILURES
#define FAILURES 1
#endif

/* As in chat/outbound/ports.py. */
#define COURIER 2
#define TRUSTED 1
#ifdef SHORT
#define LASTS COURIER
#else
#define LASTS (TRUSTED + COURIER)
#endif

#define TOKENS (2 + KILLS)      /* one for each start of a process */
#define NAMES  (3 + LOSSES)     /* of grants that one token has use for at a time */
#define NONE   0

/* Valkey. Tokens and names of grants count from 1. */
byte spooled = EVENTS, first;   /* events that were appended, and that have left */
byte owner, grant, due, under_way, unknown;

/* Courier: the request of each token, which it may work on for `left` ticks. */
byte left[TOKENS + 1], from[TOKENS + 1], count[TOKENS + 1], done[TOKENS + 1];
bit taken[EVENTS];

/* What a process knows. */
mtype = { idle, working, posted, concluded, dead };
mtype phase[TOKENS + 1];
bit granted[TOKENS + 1];        /* what the last call was answered */
byte held[TOKENS + 1];          /* the name of the claim that it works with */
byte asked[TOKENS + 1];         /* the name of the claim that it asks for */
byte lost[TOKENS + 1];          /* the names of claims whose answers never came, a bit each */
byte age[TOKENS + 1];           /* ticks since it asked for the claim */
byte base[TOKENS + 1], size[TOKENS + 1], doubt[TOKENS + 1];      /* the batch */
byte remove[TOKENS + 1], unsure[TOKENS + 1], delay[TOKENS + 1];  /* the outcome */

/* A call that is carried out late. `late_held` is the claim that is settled, NONE for none. */
byte late, late_held, late_asked, late_remove, late_unsure, late_delay;

byte tokens = 2, kills = KILLS, losses = LOSSES, failures = FAILURES;
byte i;

#define IS_LOST(t, n) (((lost[t] >> (n)) & 1) == 1)
#define USED(t, n) (held[t] == (n) || IS_LOST(t, n) || (owner == t && grant == (n)) \
                    || (late == t && late_held == (n)))

/* claims.lua: give. `told` says whether the process will hear of it. */
inline give(t, n, told) {
    if
    :: first == spooled -> owner = NONE; grant = NONE; due = 0; under_way = 0; unknown = 0
    :: else ->
        unknown = (under_way > unknown -> under_way : unknown);
        under_way = spooled - first;
        unknown = (unknown > under_way -> under_way : unknown);
        owner = t; grant = n; due = LASTS;
        if
        :: told -> granted[t] = 1; base[t] = first; size[t] = under_way; doubt[t] = unknown
        :: else
        fi
    fi
}

/* claims.lua: claim */
inline claim(t, n, told) {
    if
    :: owner == t && IS_LOST(t, grant) -> owner = NONE; under_way = 0; give(t, n, told)
    :: owner == NONE && due == 0 -> give(t, n, told)
#ifdef NO_DEADLINE
    :: owner != NONE && owner != t -> give(t, n, told)
#else
    :: owner != NONE && owner != t && due == 0 -> give(t, n, told)
#endif
    :: else
    fi
}

/* spool_settle.lua */
inline settle(t, known, n, gone, doubtful, wait, told) {
    if
#ifdef NO_GRANT
    :: true ->
#else
    :: owner == t && grant == known ->
#endif
        owner = NONE; grant = NONE; under_way = 0;
        i = 0;
        do
        :: i < gone -> assert(first < spooled && taken[first]); first++; i++
        :: else -> break
        od;
        i = 0;
        unknown = doubtful; due = wait;
        if
        :: wait == 0 || first == spooled -> give(t, n, told)
        :: else
        fi
#ifndef NO_GRANT
    :: owner == t && grant != known && IS_LOST(t, grant) ->
        owner = NONE; under_way = 0; give(t, n, told)
    :: else
#endif
    fi
}

/* Every claim that is asked for has a name that nothing else goes by. */
inline name_next(t) {
    asked[t] = 1;
    do
    :: USED(t, asked[t]) -> asked[t]++
    :: else -> break
    od;
    assert(asked[t] <= NAMES)
}

/* What Valkey is asked for happens at once and is answered; or the answer is lost; or it happens
   late, or never. An answer that is late is one whose process stands still. */
inline call(t) {
    name_next(t);
    granted[t] = 0;
    if
    :: true ->
        if
        :: held[t] == NONE -> claim(t, asked[t], true)
        :: else -> settle(t, held[t], asked[t], remove[t], unsure[t], delay[t], true)
        fi;
        age[t] = 0; remove[t] = 0; unsure[t] = 0; delay[t] = 0;
        if
        :: granted[t] -> held[t] = asked[t]; phase[t] = working
        :: else -> held[t] = NONE; phase[t] = idle; base[t] = 0; size[t] = 0; doubt[t] = 0
        fi;
        granted[t] = 0
    :: losses > 0 && late == NONE -> losses--;
        late = t; late_held = held[t]; late_asked = asked[t];
        late_remove = remove[t]; late_unsure = unsure[t]; late_delay = delay[t];
        lost[t] = lost[t] | (1 << asked[t])
    :: losses > 0 -> losses--;
        if
        :: held[t] == NONE -> claim(t, asked[t], false)
        :: else -> settle(t, held[t], asked[t], remove[t], unsure[t], delay[t], false)
        fi;
        lost[t] = lost[t] | (1 << asked[t])
    fi;
    asked[t] = NONE
}

inline conclude(t, gone, doubtful, wait) {
    remove[t] = gone; unsure[t] = doubtful; delay[t] = wait; phase[t] = concluded;
    age[t] = 0; base[t] = 0; size[t] = 0; doubt[t] = 0
}

proctype Chip(byte t) {
end:do
    /* forwarder.py */
    :: atomic { phase[t] == idle || phase[t] == concluded -> call(t) }

    /* attempt.py: what may have arrived is looked up; those that have are at the front. */
    :: atomic { phase[t] == working && doubt[t] > 0 ->
#ifdef NO_LOOKUP
        doubt[t] = 0
#else
        i = 0;
        do
        :: i < doubt[t] && taken[base[t] + i] -> i++
        :: else -> break
        od;
        conclude(t, i, 0, 0);
        i = 0
#endif
        }
    :: atomic { phase[t] == working && doubt[t] == 0 ->
        if
#ifdef NO_AGE
        :: true ->
#else
        :: age[t] > TRUSTED -> conclude(t, 0, 0, 0)
        :: else ->
#endif
            from[t] = base[t]; count[t] = size[t]; done[t] = 0; left[t] = COURIER;
            phase[t] = posted; age[t] = 0
        fi }
    /* No answer, in time or at all: it is looked up once Courier has had its time. */
    :: atomic { phase[t] == posted && (left[t] == 0 || failures > 0) ->
        failures = (left[t] == 0 -> failures : failures - 1);
        conclude(t, 0, size[t], left[t]) }

    /* Killed, whatever it was doing. What it has sent goes on without it. */
    :: atomic { kills > 0 -> kills--; tokens++;
        phase[t] = dead; held[t] = 0; lost[t] = 0; age[t] = 0; base[t] = 0; size[t] = 0;
        doubt[t] = 0; remove[t] = 0; unsure[t] = 0; delay[t] = 0;
        t = tokens; phase[t] = idle }
    od
}

/* Courier works on what was sent, event by event, and answers, or fails between two of them. */
proctype Courier(byte t) {
end:do
    :: atomic { left[t] > 0 && done[t] < count[t] ->
        assert(!taken[from[t] + done[t]]);
        assert(from[t] + done[t] == 0 || taken[from[t] + done[t] - 1]);
        taken[from[t] + done[t]] = 1;
        done[t]++ }
    :: atomic { left[t] > 0 && done[t] == count[t] ->
        left[t] = 0; from[t] = 0; count[t] = 0; done[t] = 0;
        if
        :: phase[t] == posted -> conclude(t, size[t], 0, 0)
        :: else
        fi }
    :: atomic { left[t] > 0 && failures > 0 && phase[t] == posted ->
        failures--;
        left[t] = 0; from[t] = 0; count[t] = 0; done[t] = 0;
        conclude(t, 0, size[t], 0) }
    od
}

/* What was asked for is carried out late; nobody hears the answer. */
active proctype Late() {
    byte t;
end:do
    :: atomic { late != NONE ->
        t = late;
        if
        :: late_held == NONE -> claim(t, late_asked, false)
        :: else ->
            settle(t, late_held, late_asked, late_remove, late_unsure, late_delay, false)
        fi;
        t = 0; late = NONE; late_held = NONE; late_asked = NONE;
        late_remove = 0; late_unsure = 0; late_delay = 0 }
    od
}

active proctype Time() {
    byte t;
end:do
    :: d_step {
        due = (due > 0 -> due - 1 : 0);
        t = 1;
        do
        :: t <= TOKENS ->
            left[t] = (left[t] > 0 -> left[t] - 1 : 0);
            from[t] = (left[t] > 0 -> from[t] : 0);
            count[t] = (left[t] > 0 -> count[t] : 0);
            done[t] = (left[t] > 0 -> done[t] : 0);
            age[t] = (phase[t] == working && age[t] <= TRUSTED -> age[t] + 1 : age[t]);
            t++
        :: else -> break
        od;
        t = 0 }
    od
}

init {
    atomic {
        i = 1;
        do
        :: i <= TOKENS -> run Courier(i); i++
        :: else -> break
        od;
        i = 0;
        phase[1] = idle; phase[2] = idle;
        run Chip(1); run Chip(2)
    }
}

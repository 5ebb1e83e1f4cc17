"""A WeCom (企业微信) server of your own, as moto is for AWS: the tests, the demo and your own tests run against it.

It answers the contacts, credentials, tag, export and login calls of proxied development (服务商代开发) with the real
bodies and error codes, pushes encrypted callbacks, and misbehaves on demand. It shares no code with the client.

    from jit_qywx.emulator import Emulator, Org

    with Emulator(seed=1) as wecom:                       # a real HTTP server on 127.0.0.1
        wecom.add_corp("ww1", "示例企业", Org.generate(seed=1, members=500, departments=40, tags=8))
        wecom.push_ticket(auth.notify)                    # a suite_ticket, encrypted, to a callable or a URL
        wecom.push_event(auth.notify, "create_auth", "ww1")
        ...                                               # apiBaseUrl = wecom.base_url
        wecom.faults.add("user/list", errcode=45009, at_call=37)

The control surface (every name below is public and stable):

Emulator(*, seed=0, host="127.0.0.1", port=0, clock=None)       context manager; close()
    .base_url  .url              "http://127.0.0.1:PORT/cgi-bin/", the same without the path
    .login_base_url              "http://127.0.0.1:PORT/": where the login pages are
    .suite                       the first Suite: .id .secret .token .aes_key
    .provider_corpid  .provider_secret
    .clock                       Clock: clock(), clock.advance(seconds); Clock.frozen(at) stands still
    .calls                       CallRecord: len(), iteration, [i], .paths, .of("user/*"), .by_path, .by_errcode,
                                 .clear()
                                 Call: number path method query corpid at errcode status size fault
    .reset()                     forgets calls, faults, limits, delays; keeps corps, grants, tokens

Suites, corps, grants
    add_suite(suite_id=None, secret=None, token=None, aes_key=None, *, kind="proxied"|"third-party", name=…) -> Suite
    add_corp(corpid=None, name=None, org=None, *, departments=(), members=(), tags=(), admins=None) -> Corp
    set_callback_url(template_url="", app_url="", *, suite_id=None)
        From then on the suite is told in the background what administrators do (scan: create_auth; cancel: cancel_auth;
        reset_permanent_code; set_visible_range, set_permissions: change_auth). $CORPID$ in app_url: the corp's id.
    corp(corpid) -> Corp ; org(corpid) -> Org ; app(corpid, suite_id=None) -> CorpApp (.agentid .permanent_code …)
    suite_of(suite_id) -> Suite
    authorize(corpid, suite_id=None, *, state="", **settings) -> auth_code        the admin agrees; exchange it once
    install(corpid, suite_id=None, **settings) -> CorpApp                         the same without the exchange
    scan(link, corpid, **settings) -> auth_code                                   the admin opens an install link
        The link is a page, too: a browser chooses the corp, a program adds &corpid=…; check_link(link) -> Link.
    add_own_app(corpid, kind="self-built"|"contact-sync", **settings) -> CorpApp  .secret works at gettoken
    set_visible_range(corpid, departments=(), users=(), tags=(), *, suite_id=None)
    set_permissions(corpid, permissions, *, suite_id=None)                        e.g. ["contact:sensitive:user_name"]
    set_app(corpid, *, suite_id=None, **settings)
    set_exports(*, polls=1, block_size=None)      answers "running" before a result is there; records of each file
    cancel(corpid, suite_id=None) ; reset_permanent_code(corpid, suite_id=None) -> auth_code
    dissolve(corpid, errcode=301007)                                              0 brings it back
    settings: departments, users, tags (visible range; departments=(1,) = everything), permissions, closed,
        publish_status, created_before_2022, whole_structure, open_ids, hidden_names="missing"|"id",
        hidden_fields={"enable", "status", "main_department", …}, home_url, redirect_domain, callback_url, name

Credentials
    new_ticket(suite_id=None) -> suite_ticket (not pushed) ; expire_tokens(corpid=None, *, kind=None, errcode=0) -> int
    login_code(corpid, userid=None, *, suite_id=None, private=False, openid="") -> code   for auth/getuserinfo
    /wwlogin/sso/login, /connect/oauth2/authorize       login pages: a browser chooses the member, a program adds
        &userid=… (or openid=… for a stranger, refuse=1, agree=mobile,email for a part of the private details). They
        lead back only to the app's redirect_domain.
    sign_in_as(corpid, userid="")                       the login pages of the corp lead back at once as this member
    platform.tokens.life, platform.tickets.life, platform.auth_codes.life (seconds)

Organisation (emulator.org(corpid); each edit returns a Change and is visible to the next call)
    Org(departments=(), members=(), tags=(), *, root="总部", strict=False)
    Org.generate(seed, members, departments, tags, *, root=None, spread=0.2)
    add_department(name, parent=1, *, department_id=None, order=None, name_en="") -> Change (.id = its number)
    update_department(department_id, *, name=None, parent=None, order=None) ; move_department(department_id, parent)
    remove_department(department_id)
    add_member(userid, name=None, departments=(1,), **fields) ; update_member(userid, **fields)
    move_member(userid, departments) ; disable_member(userid) ; rename_member(userid, new_userid)
    quit_member(userid) ; rejoin_member(userid) ; remove_member(userid)
        departments: ids, or (id, order, is_leader) ; fields: name status position alias mobile telephone email
        biz_mail gender avatar address direct_leader main_department extattr english_name
    add_tag(name, *, tag_id=None, users=(), departments=()) ; rename_tag(tag_id, name) ; remove_tag(tag_id)
    tag(tag_id, *, add_users=(), remove_users=(), add_departments=(), remove_departments=())
    .departments .members .tags    dicts by id ; inside(department_id) ; children(department_id)

Disturbance
    faults.add(path="*", *, corpid=None, at_call=1, times=None, probability=1.0, <exactly one of:>
        errcode=45009 (extra={…}) | status=502 | cut="headers"|"reset"|"body" | garbage=NAME | hang=True|seconds
        | body=b"…" | rewrite=callable(dict)->dict|bytes | answer_as=other_corpid | then=callable
        ) -> Fault (.seen .hits .release())
        garbage: invalid-json, empty, empty-object, null, list, missing-list, truncated, string-errcode,
        control-characters, not-utf8 ; of export/get_result: failed-job, wrong-size, wrong-md5, wrong-link,
        missing-file, repeated-file
        The files of exports are the path export/file; garbage and rewrite get their bytes.
    faults.remove(fault) ; faults.release() (hanging calls go on) ; faults.clear()
    at_call(number, do, *, path="*", corpid=None)     run do() just before the number-th matching call from now
    limits.set(*, path="*", minute=None, hour=None, ip_minute=None, ip_hour=None, concurrency=None)
    limits.set_published() ; limits.forget() (what was used) ; limits.wrong_secrets (2000) ; limits.clear()
    latency.set(seconds | (least, most), *, path="*") ; latency.clear()
    warm(corpid, *, suite_id=None)                    render all lists now: before a benchmark
    shuffle(seed | None)                              lists and JSON keys in another order; the organisation is the same

Callbacks (target: notify(nonce, msg_signature, timestamp, echostr=None, body=b"") or a URL, or None for the callback
URL that is set) -> Delivery
    push_ticket(target=None, suite_id=None)
    push_event(target, info_type, corpid=None, *, suite_id=None, state="", **fields)
        "create_auth" authorises; "change_auth"; "cancel_auth" cancels; "reset_permanent_code" resets; others as given
    push_change(target, corpid, change, *, suite_id=None)       a Change of the organisation, on the app channel
    push_app_event(target, corpid, event, *, suite_id=None, **fields)
    push_echo(target, corpid=None, *, suite_id=None)            URL verification: corpid=None = template channel
    follow(corpid, target=None, *, suite_id=None, drop=0.0, triple=0.0, window=0.0, seed=0) -> stop
        From now on every edit of the corp is pushed: to a callable at once, to a URL in the background. drop, triple:
        shares that never arrive, or three times; window: seconds that each waits at most, so that others overtake it.
    unfollow(corpid)
    courier.wait(seconds=30.0) -> bool (all sent) ; courier.hurry() (nothing waits any longer) ; courier.waiting
    courier.counts               Counter: sent accepted refused dropped repeated
    callbacks.ticket(…), .event(…), .change(…), .app_event(…), .echo(…) -> Callback, to send late, twice, out of order:
        callback.deliver(target) -> Delivery ; .nonce .timestamp .signature .echostr .body .plaintext
    Delivery: .reply (what the callable returned, or the body text) .status (HTTP, None for a callable) .callback .tries

Elsewhere
    jit_qywx.emulator.fixtures     pytest plugin: fixture `wecom_emulator`
    serve(host="127.0.0.1", port=8931, *, seed=0, corps=2, members=120, departments=12, tags=5, suite=None,
          callback="", app_callback="", ticket_every=600.0, redirect_domain="127.0.0.1:8000", on_ready=None, stop=None)
                                 runs until SIGINT, SIGTERM or stop.set(); corps: how many, or their corpids; suite:
                                 (id, secret, token, aes_key); callback gets tickets and template events, app_callback
                                 the edits
    jit_qywx.emulator.control      describe(emulator) -> dict: base URL, suites, corps, permanent codes
    python -m jit_qywx.emulator    the same as a program: prints that dict as one line of JSON; --port 0 --members …
    POST /_emulator/<method>       the methods above for another process; see jit_qywx.emulator.control
"""

from jit_qywx.emulator.clock import Clock
from jit_qywx.emulator.emulator import Emulator
from jit_qywx.emulator.organisation import Org
from jit_qywx.emulator.serving import serve

__all__ = ["Clock", "Emulator", "Org", "serve"]

/**
 * Mailroom in Roundcube: what was found out about a message, and the sheets of the acts.
 *
 * A sheet shows what Mailroom says the act will do, and sends the fence of what it showed: if that has changed, nothing is done.
 * Every text from elsewhere is set as text, never as HTML.
 */
window.rcmail && rcmail.addEventListener('init', function () {
  'use strict'

  var link = rcmail.env.mailroom || {}
  var STAFF = ['release', 'allow', 'remove', 'block', 'redirect', 'reject']
  var REMOVABLE = ['held', 'queued', 'relaying', 'restoring', 'delivered', 'bounced']
  var KEYS = { KeyR: 'release', KeyA: 'allow', KeyD: 'remove', KeyB: 'block', KeyT: 'redirect', KeyJ: 'reject', KeyZ: 'undo', KeyF: 'find', KeyX: 'report', KeyM: 'request', KeyE: 'expect', KeyP: 'preview' }
  var waiting = {}
  var tickets = 0

  /** A text of the plugin, with its numbers and names put in. */
  function say(label, vars) {
    var text = rcmail.get_label(label, 'mailroom')
    $.each(vars || {}, function (name, value) { text = text.split('$' + name).join(String(value)) })
    return text
  }

  /** The same for a number: the label ends with _one where it is 1. */
  function count(label, n, vars) {
    return say(label + (n === 1 ? '_one' : ''), $.extend({ n: Number(n).toLocaleString() }, vars))
  }

  /** An element that holds text or elements. */
  function make(tag, attributes) {
    var element = $('<' + tag + '>').attr(attributes || {})
    Array.prototype.slice.call(arguments, 2).forEach(function (one) {
      if (one !== null && one !== undefined && one !== '') element.append(typeof one === 'string' ? document.createTextNode(one) : one)
    })
    return element
  }

  /** Asks the server; resolves with the answer's body, rejects with a problem. */
  function ask(call, given) {
    var ticket = String(++tickets)
    var answer = $.Deferred()
    waiting[ticket] = answer
    rcmail.http_post('plugin.mailroom', { _call: call, _ticket: ticket, _given: JSON.stringify(given || {}) }).fail(function () {
      delete waiting[ticket]
      answer.reject({ detail: say('no_answer') })
    })
    return answer.promise()
  }

  rcmail.addEventListener('plugin.mailroom.answer', function (said) {
    var answer = waiting[said.ticket]
    if (!answer) return
    delete waiting[said.ticket]
    if (said.status < 400) return void answer.resolve(said.body)
    var problem = $.extend({ detail: say('no_answer') }, said.body)
    problem.over = said.status === 401
    if (problem.type === 'urn:mailroom:second-factor-needed') problem.detail = say('needs_console')
    answer.reject(problem)
  })

  function freshKey() {
    return Array.prototype.map.call(crypto.getRandomValues(new Uint8Array(16)), function (byte) { return (byte + 256).toString(16).slice(1) }).join('')
  }

  /** A reason as a sentence; an address at its beginning stays as it is. */
  function sentence(text) {
    var first = /^[^\s.]+(\s|$)/.test(text) && text.split(' ')[0].indexOf('@') < 0
    return (first ? text.charAt(0).toUpperCase() : text.charAt(0)) + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.')
  }

  function fail(problem) {
    rcmail.display_message(make('span', {}, sentence(problem.detail || say('no_answer')))[0].outerHTML, 'error', 10000)
  }

  /** The messages that an act is about: those selected in the list, or the open one. */
  function chosen() {
    var uids = rcmail.message_list ? rcmail.message_list.get_selection() : rcmail.env.uid ? [rcmail.env.uid] : []
    return { uids: uids, mbox: rcmail.env.mailbox }
  }

  /** What Mailroom knows of the chosen messages: the deliveries that are meant, one of each. */
  function look() {
    return ask('look', chosen()).then(function (found) {
      return found.items.map(function (item) { return $.extend({}, item, { delivery: ofThisCopy(item) }) })
    })
  }

  /** The delivery of the message on the screen: the only one, or the one to this account. Null where it could be anybody's. */
  function ofThisCopy(item) {
    var all = item.deliveries || []
    var mine = all.filter(function (one) { return one.mailbox.toLowerCase() === String(link.account).toLowerCase() })
    return mine[0] || (all.length === 1 ? all[0] : null)
  }

  function subjectOf(delivery) {
    return delivery.subject || say('no_subject')
  }

  function senderOf(delivery) {
    return delivery.author || say('no_sender')
  }

  /** What proves the sender: the sentence of Mailroom, which an employee's answer has not. */
  function proofOf(item, one) {
    return item.proof_sentence || (one.proven_as ? say('really_from', { sender: one.proven_as }) : say('not_verified'))
  }

  // --- the evidence above a message

  function evidence(place) {
    ask('look', { uids: [place.data('uid')], mbox: place.data('mbox') }).then(function (found) {
      var item = found.items[0]
      var one = item.deliveries ? ofThisCopy(item) || $.extend({}, item.deliveries[0], { state: '', decided: null }) : item
      var parts = [make('b', { 'class': 'mailroom-severity mailroom-' + one.severity }, say('severity_' + one.severity)), make('span', {}, proofOf(item, one))]
      if (one.verdict) parts.push(make('span', {}, sentence(one.verdict.reason)))
      $.each((one.signals || []).slice(0, 2), function (_, signal) { parts.push(make('span', {}, signal.sentence)) })
      if (item.group > 1) parts.push(make('span', {}, count('group', item.group)))
      if (one.state && one.state !== 'held') parts.push(make('span', {}, say('state_' + one.state)))
      if (one.decided && !one.decided.undone) parts.push(make('span', {}, say('decided_by', { name: one.decided.by_name, time: new Date(one.decided.at).toLocaleString() })))
      if (item.reported_at) parts.push(make('span', {}, say('reported_at', { time: new Date(item.reported_at).toLocaleString() })))
      if (item.deliveries) parts.push(make('a', { href: link.console + '/messages/' + item.message, target: '_blank', rel: 'noopener' }, say('preview')))
      place.empty()
      parts.forEach(function (part) { place.append(part, ' ') })
    }, function (problem) {
      place.empty().append(make('span', {}, sentence(problem.detail)), ' ', link.linked && !problem.over ? null : make('a', { href: link.settings, target: '_top' }, say('link')))
    })
  }

  // --- sheets

  /** A sheet: what will happen, then Cancel and the act. `act` returns a promise; where it fails, its reason stands in the sheet. */
  function sheet(title, body, button, act, options) {
    options = options || {}
    var refused = make('p', { 'class': 'mailroom-refused', role: 'alert' }).hide()
    var content = make('div', { 'class': 'mailroom-sheet' }, link.staff && !options.own ? make('p', { 'class': 'hint' }, say('acts_as', { name: link.name })) : null, body, refused)
    var busy = false
    var dialog
    /** Roundcube fits a dialog once; what comes later makes it grow, as far as the window goes. */
    function fit() {
      dialog.css({ height: 'auto', maxHeight: Math.max(160, $(window).height() - 180) }).parent().css('height', 'auto')
      dialog.dialog('option', 'position', { my: 'center', at: 'center', of: window })
    }
    function close() {
      dialog.dialog('close')
    }
    function refuse(problem) {
      busy = false
      var look = problem.type === 'urn:mailroom:second-look' ? secondLook(problem.second_look, problem.names, problem.fence) : null
      if (look) body.find('.mailroom-looks').remove().end().append(look)
      refused.text(look ? '' : sentence(problem.detail)).toggle(!look)
      fit()
    }
    function go() {
      if (busy || dialog.parent().find('button.mainaction').prop('disabled')) return
      var unticked = body.find('.mailroom-looks input:not(:checked)').first()
      if (unticked.length) return void unticked.focus()
      busy = true
      refused.hide()
      act(confirmed(body)).then(function (made) { close(); if (made) tell(made) }, refuse)
    }
    var buttons = [{ text: button, 'class': 'mainaction ' + (options.icon || 'mailroom-act'), click: go }, { text: rcmail.get_label('cancel'), 'class': 'cancel', click: close }]
    dialog = rcmail.show_popup_dialog(content, title, act ? buttons : [$.extend(buttons[1], { text: rcmail.get_label('close') })], { width: 620, closeOnEscape: true })
    dialog.parent().find(body.find('.mailroom-looks').length ? 'button.cancel' : 'button.mainaction').trigger('focus')
    return {
      dialog: dialog,
      fit: fit,
      refuse: refuse,
      /** The label of the act, and whether it can be done. A disabled button loses the focus, and keys would go nowhere. */
      ready: function (label, can) {
        var button = dialog.parent().find('button.mainaction').text(label)
        if (!can && button.is(':focus')) dialog.parent().find('button.cancel').trigger('focus')
        button.prop('disabled', !can)
      },
    }
  }

  /** Reasons for a second look, each to be ticked by the person. */
  function secondLook(looks, names, fence) {
    if (!looks || !looks.length) return null
    var list = make('div', { 'class': 'mailroom-looks' }, make('p', {}, make('b', {}, say('second_look'))))
    looks.forEach(function (one) {
      list.append(make('label', {}, make('input', { type: 'checkbox', value: one.name }), ' ', one.sentence))
    })
    return list.data('fence', fence)
  }

  /** What the person has ticked, for the server. */
  function confirmed(body) {
    var looks = body.find('.mailroom-looks')
    if (!looks.length) return {}
    return { confirm: looks.find('input:checked').map(function () { return this.value }).get(), fence: looks.data('fence') }
  }

  /** What a preview says, as lines. */
  function effects(found) {
    var lines = make('ul', { 'class': 'mailroom-effects' })
    function line(text, bad) {
      if (text) lines.append(make('li', bad ? { 'class': 'bad' } : {}, text))
    }
    var states = []
    if (found.by_state.held) states.push(count('held', found.by_state.held))
    if (found.by_state.queued) states.push(count('queued', found.by_state.queued))
    if (found.in_mailboxes) states.push(count('delivered', found.in_mailboxes))
    if (found.opened) states.push(count('opened', found.opened))
    if (found.out_of_reach) states.push(count('out_of_reach', found.out_of_reach))
    line(count('messages_for', found.count, { people: count('people', found.people) }) + (states.length ? ': ' + states.join(', ') : ''))
    if (found.count > 1) line(say('senders', { senders: found.senders.slice(0, 5).map(senderOf).join(', ') }))
    if (found.outside) line(count('outside', found.outside))
    if (found.proven) line(count('proven', found.proven))
    line(found.caution, true)
    if (found.removal) {
      found.removal.not_included.slice(0, 5).forEach(function (one) { line(count('not_included', one.count, { sender: one.sender || say('no_sender') })) })
      found.removal.passed_on.forEach(function (one) { line(say('passed_on', { why: one.sentence }), true) })
      if (found.removal.related.count) line(count('related', found.removal.related.count))
      if (found.removal.would_have_stopped) line(count('would_have_stopped', found.removal.would_have_stopped))
      if (found.removal.late_hours) line(count('late_copies', found.removal.late_hours))
    }
    found.not_allowed.forEach(function (one) { line(one.sender + ': ' + one.instead, true) })
    if (found.needs.length) line(say('needs_second_person'), true)
    line(found.confidential)
    return lines
  }

  /** What an act did, with a way back. */
  function tell(made) {
    if (made.expires_at && !made.sentence) {
      rcmail.display_message(say('waits_for_approval'), 'notice', 8000)
      return
    }
    if (!made.sentence) return
    if (made.undoable) remember(made)
    var undo = made.undoable ? ' <a href="#undo" class="mailroom-undo-link">' + make('i', {}, say('undo')).html() + '</a>' : ''
    rcmail.display_message(make('i', {}, made.sentence).html() + undo, 'confirmation', 15000)
    rcmail.triggerEvent('mailroom-acted')
    rcmail.command('checkmail', '')
    setTimeout(function () { rcmail.command('checkmail', '') }, 3000) // by then the mirror has taken the copy away
  }

  function remember(made) {
    var last = JSON.stringify({ id: made.id, sentence: made.sentence })
    try { sessionStorage.setItem('mailroom.last.' + link.name, last) } catch (_) { /* then undo is on the message and in the search */ }
  }

  /** The id and the sentence of this person's last act in this window; null where there is none. */
  function remembered() {
    try { return JSON.parse(sessionStorage.getItem('mailroom.last.' + link.name)) } catch (_) { return null }
  }

  function held(items) {
    return { ids: items.map(function (one) { return one.delivery.id }) }
  }

  /** Sends a decision with the fence of its preview, once however often it is sent. */
  function decide(order, said, once) {
    return ask('decide', $.extend({}, order, said, { once: once }))
  }

  function titleOf(act, items) {
    var lead = items[0].delivery
    return items.length > 1 ? count('title_' + act + '_n', items.length) : say('title_' + act, { subject: subjectOf(lead), sender: senderOf(lead) })
  }

  /** A sheet whose choices ask for another preview: `wish` gives what is asked for now, `label` the button. */
  function weigh(act, items, choices, wish, label, order) {
    var effect = make('div', { 'class': 'mailroom-effect', 'aria-live': 'polite' })
    var body = make('div', {}, about(items), choices, effect)
    var once = freshKey()
    var latest = 0
    var found = null
    var shown = sheet(titleOf(act, items), body, say(act), function (said) { return decide(order(found), said, once) }, { icon: 'mailroom-' + act })
    function renew() {
      var asked = wish()
      var mine = ++latest
      found = null
      once = freshKey()
      shown.ready(say(act), false)
      if (!asked) return void effect.empty()
      ask('preview', asked).then(function (answer) {
        if (mine !== latest) return
        found = answer
        var looks = act === 'remove' || act === 'block' || act === 'reject' ? null : secondLook(answer.second_look, [], answer.fence)
        effect.empty().append(effects(answer), extra(act, answer), looks)
        var n = answer.allow ? answer.allow.count : answer.count
        shown.ready(label(answer, n), n > 0)
        shown.fit()
        if (!$(document.activeElement).is(':radio, :checkbox, select')) shown.dialog.parent().find(looks ? 'button.cancel' : 'button.mainaction').trigger('focus')
      }, function (problem) {
        if (mine === latest) { effect.empty(); shown.refuse(problem) }
      })
    }
    body.on('change', '.mailroom-choices input, .mailroom-choices select', renew)
    renew()
    return { renew: renew, body: body, shown: shown }
  }

  /** Who sent it, to whom, and whether that is proven. */
  function about(items) {
    var lead = items[0].delivery
    if (items.length > 1) return null
    return make('p', {}, make('b', {}, subjectOf(lead)), make('br'), say('from_to', { sender: senderOf(lead), name: lead.person_name || lead.department_name || lead.recipient }), make('br'), proofOf(items[0], lead))
  }

  /** What goes along: the senders that an allow names, or the blocks of a removal. */
  function extra(act, found) {
    if (act === 'allow' && found.allow) {
      var list = make('div', { 'class': 'mailroom-senders' })
      found.allow.senders.forEach(function (one) {
        var box = make('input', { type: 'checkbox', value: one.sender }).prop('checked', one.chosen).prop('disabled', !!one.why_not)
        list.append(make('label', {}, box, ' ', say('allow_sender', { sender: one.sender || say('no_sender') })), make('p', { 'class': 'bad' }, one.warnings.concat(one.why_not || []).join(' ')))
      })
      return list.append(make('ul', { 'class': 'mailroom-effects' }).append(found.allow.sentences.map(function (one) { return make('li', {}, one) })))
    }
    return null
  }

  /** A choice of one, as radio buttons. */
  function choose(name, legend, options) {
    var field = make('fieldset', { 'class': 'mailroom-choices' }, make('legend', {}, legend))
    options.forEach(function (one, place) {
      field.append(make('label', {}, make('input', { type: 'radio', name: name, value: one.value, checked: place === 0 ? 'checked' : null }), ' ', one.says))
    })
    return field
  }

  function picked(field, name) {
    return field.find('input[name=' + name + ']:checked').val()
  }

  /** For whom a rule can be: the person, their department, the company, as far as the scope of who acts reaches. */
  function scopes(lead) {
    var whole = link.scope.indexOf('company') >= 0
    var department = 'department:' + lead.department
    var found = []
    if (lead.person) found.push({ value: 'person:' + lead.person, says: lead.person_name })
    if (whole || link.scope.indexOf(department) >= 0) found.push({ value: department, says: say('department', { name: lead.department_name }) })
    if (whole) found.push({ value: 'company', says: say('company') })
    return found
  }

  var acts = {
    release: function (items) {
      var select = held(items)
      weigh('release', items, null, function () { return { select: select, verb: 'release' } }, function (_, n) { return count('do_release', n) }, function (found) {
        return { verb: 'release', select: select, expect: found.count, fence: found.fence }
      })
    },

    allow: function (items) {
      var lead = items[0].delivery
      var select = held(items)
      var whom = choose('match', say('whom'), [{ value: 'address', says: say('this_address', { sender: senderOf(lead) }) }, { value: 'domain', says: say('this_domain', { domain: lead.author_domain }) }])
      var forWhom = choose('scope', say('for_whom'), scopes(lead))
      var ticked = null // senders, once somebody has changed what the server proposes
      function rule() {
        var wanted = { effect: 'allow', match: picked(whom, 'match'), scope: picked(forWhom, 'scope') || '' }
        return ticked && ticked.length ? $.extend(wanted, { senders: ticked }) : wanted
      }
      function senders(found) {
        return found.allow.senders.filter(function (one) { return one.chosen }).map(function (one) { return one.sender })
      }
      whom.on('change', function () { ticked = null }) // they have other names then
      var weighed = weigh('allow', items, make('div', {}, whom, forWhom), function () { return { select: select, verb: 'release', rule: rule() } }, function (_, n) { return count('do_allow', n) }, function (found) {
        return { verb: 'release', select: select, rule: $.extend(rule(), { senders: senders(found) }), expect: found.allow.count, fence: found.fence }
      })
      weighed.body.on('change', '.mailroom-senders input', function () {
        ticked = weighed.body.find('.mailroom-senders input:checked').map(function () { return this.value }).get()
        weighed.renew()
      })
    },

    remove: function (items) {
      var lead = items[0].delivery
      var reaches = { these: held(items) }
      var options = [{ value: 'these', says: items.length > 1 ? count('these', items.length) : say('this_copy') }]
      if (items.length === 1 && lead.campaign) {
        reaches.campaign = { campaign: lead.campaign, proof: lead.is_copy ? 'copies' : lead.flood ? 'none' : lead.proven_as || 'none', states: REMOVABLE }
        options.unshift({ value: 'campaign', says: say('all_copies') })
      }
      if (items.length === 1 && lead.author) {
        reaches.sender = $.extend({ sender: lead.author, states: REMOVABLE }, lead.claimed ? { proof: 'claimed' } : {})
        options.push({ value: 'sender', says: say('all_from', { sender: lead.author }) })
      }
      var reach = choose('reach', say('what'), options)
      var block = choose('block', say('and_block'), [{ value: '', says: say('block_none') }, { value: 'yes', says: say('block_too') }])
      var last = null
      var touched = false
      block.on('change', function () { touched = true })
      function wish() {
        return { select: reaches[picked(reach, 'reach')], verb: 'purge' }
      }
      weigh('remove', items, make('div', {}, reach, block), wish, function (found, n) {
        last = found
        if (!touched) block.find('input[value="' + (found.removal.default === 'remove_and_block' ? 'yes' : '') + '"]').prop('checked', true)
        block.toggle(!!found.removal.scopes.length && found.removal.blocks.length > 0)
        block.find('input[value=yes]').parent().contents().last()[0].data = ' ' + say('block_too') + ' ' + found.removal.blocks.filter(function (one) { return one.ticked }).slice(0, 3).map(function (one) { return one.match === 'campaign' ? say('campaign') : one.value }).join(', ')
        return count(picked(block, 'block') && block.is(':visible') ? 'do_remove_block' : 'do_remove', n)
      }, function (found) {
        var order = $.extend(wish(), { expect: found.count, fence: found.fence })
        return picked(block, 'block') && last.removal.blocks.length && last.removal.scopes.length ? $.extend(order, { block: {} }) : order
      })
    },

    block: function (items) {
      var lead = items[0].delivery
      var claim = lead.claimed ? { proof: 'claimed' } : {}
      var whom = choose('match', say('whom'), [{ value: 'address', says: say('this_address', { sender: senderOf(lead) }) }, { value: 'domain', says: say('this_domain', { domain: lead.author_domain }) }])
      var forWhom = choose('scope', say('for_whom'), scopes(lead))
      function select() {
        return $.extend(picked(whom, 'match') === 'domain' ? { domain: lead.author_domain } : { sender: lead.author }, { states: ['held', 'queued'] }, claim)
      }
      weigh('block', items.slice(0, 1), make('div', {}, whom, forWhom), function () { return { select: select() } }, function (_, n) { return count('do_block', n) }, function (found) {
        return { verb: 'purge', select: select(), rule: { effect: 'block', match: picked(whom, 'match'), scope: picked(forWhom, 'scope') || '' }, expect: found.count, fence: found.fence }
      })
    },

    redirect: function (items) {
      var select = held(items)
      var to = ''
      var field = make('input', { type: 'text', id: 'mailroom-to', 'class': 'form-control', autocomplete: 'off', 'aria-label': say('to_whom') })
      var hint = make('p', { 'class': 'hint' })
      var weighed = weigh('redirect', items, make('div', { 'class': 'mailroom-field' }, make('label', { 'for': 'mailroom-to' }, say('to_whom')), field, hint), function () { return to ? { select: select, verb: 'redirect' } : null }, function (_, n) { return count('do_redirect', n) }, function (found) {
        return { verb: 'redirect', to: to, select: select, expect: found.count, fence: found.fence }
      })
      field.autocomplete({
        minLength: 1,
        delay: 150,
        appendTo: field.parent(),
        source: function (request, answer) {
          ask('recipients', { q: request.term }).then(function (found) {
            answer(found.items.slice(0, 12).map(function (one) { return { label: one.name + ' · ' + one.place + (one.mailbox ? ' · ' + one.mailbox : ''), value: one.name, to: one.to } }))
          }, function () { answer([]) })
        },
        select: function (_, chosenItem) {
          to = chosenItem.item.to
          hint.text(chosenItem.item.label)
          weighed.renew()
        },
      }).on('input', function () {
        if (to) { to = ''; hint.text(''); weighed.renew() }
      })
      field.trigger('focus')
    },

    reject: function (items) {
      var select = held(items)
      ask('templates').then(function (found) {
        var texts = {}
        var own = make('option', { value: '' }, say('own_words'))
        var template = make('select', { id: 'mailroom-template', 'class': 'form-control' }).append(found.items.map(function (one) {
          texts[one.name] = one.text
          return make('option', { value: one.name }, one.name)
        }), own)
        var text = make('textarea', { id: 'mailroom-text', 'class': 'form-control', rows: 8, 'aria-label': say('reply') })
        var notice = make('p', { 'class': 'hint', 'aria-live': 'polite' })
        var last = null
        var reachable = 0
        var weighed = null
        /** It can be done once somebody would get the reply, as the console has it. */
        function judge() {
          if (last && weighed) weighed.shown.ready(count('do_reject', last.count), reachable > 0)
        }
        function said() {
          return template.val() && text.val() === texts[template.val()] ? { template: template.val() } : { text: text.val() }
        }
        function show() {
          ask('rejection', $.extend({ select: select }, said())).then(function (seen) {
            reachable = seen.deliveries
            judge()
            var refusals = seen.refused.map(function (one) { return one.reason + ' (' + one.count + ')' }).join(' ')
            notice.text((seen.notices.length ? say('reply_goes_to', { to: seen.notices.map(function (one) { return one.to }).join(', ') }) : say('reply_to_nobody')) + ' ' + refusals)
          }, function (problem) { notice.text(sentence(problem.detail)) })
        }
        template.on('change', function () { if (template.val()) text.val(texts[template.val()]); show() })
        text.on('change', show).val(found.items.length ? found.items[0].text : '')
        weighed = weigh('reject', items, make('div', { 'class': 'mailroom-field' }, make('label', { 'for': 'mailroom-template' }, say('reply')), template, text, notice), function () { return { select: select } }, function (answer, n) { last = answer; setTimeout(judge); return count('do_reject', n) }, function (seen) {
          return $.extend({ verb: 'reject', select: select, expect: seen.count, fence: seen.fence }, said())
        })
        show()
      }, fail)
    },
  }

  // --- undo and search

  function undo(id, about) {
    var body = make('div', {}, make('p', {}, about))
    sheet(say('undo_sheet'), body, say('undo'), function (said) { return ask('undo', $.extend({ id: id, once: freshKey() }, said)) }, { icon: 'mailroom-undo' })
  }

  function undoLast() {
    var last = remembered()
    var where = chosen()
    var known = where.uids.length === 1 ? look().then(function (items) { return items[0].delivery && items[0].delivery.decided }, function () { return null }) : $.when(null)
    known.then(function (decided) {
      var mine = last && decided && last.id === decided.decision
      if (decided && !decided.undone) return void undo(decided.decision, mine ? last.sentence : say('decided_by', { name: decided.by_name, time: new Date(decided.at).toLocaleString() }))
      if (last) return void undo(last.id, last.sentence)
      fail({ detail: say('nothing_to_undo') })
    })
  }

  function find() {
    var field = make('input', { type: 'search', id: 'mailroom-find', 'class': 'form-control', placeholder: say('find_hint'), 'aria-label': say('find_hint') })
    var list = make('ul', { 'class': 'mailroom-found', 'aria-live': 'polite' })
    var latest = 0
    function show() {
      var typed = field.val().trim()
      var mine = ++latest
      var asked = typed ? (typed.indexOf('@') >= 0 ? { sender: typed } : { domain: typed }) : {}
      ask('decisions', $.extend({ limit: 20 }, asked)).then(function (found) {
        if (mine !== latest) return
        list.empty().append(found.items.length ? null : make('li', {}, say('found_none')))
        found.items.forEach(function (one) {
          var back = one.undoable ? make('button', { type: 'button', 'class': 'btn btn-secondary btn-sm' }, say('undo')).on('click', function () { undo(one.id, one.sentence) }) : null
          list.append(make('li', {}, make('span', {}, make('b', {}, one.sentence), ' ', say('by_at', { name: one.by_name, time: new Date(one.at).toLocaleString() })), back))
        })
        shown.fit()
      }, function (problem) { list.empty().append(make('li', { 'class': 'bad' }, sentence(problem.detail))) })
    }
    var typing = 0
    field.on('input', function () { clearTimeout(typing); typing = setTimeout(show, 250) })
    var shown = sheet(say('find'), make('div', {}, field, list), '', null)
    field.trigger('focus')
    show()
  }

  // --- an employee's own messages

  function report() {
    var where = chosen()
    if (!where.uids.length) return fail({ detail: say('nothing_chosen') })
    sheet(say('report'), make('div', {}, make('p', {}, say('report_says'))), say('report'), function () {
      return ask('report', where).then(function () { rcmail.display_message(say('report_done'), 'confirmation', 8000) })
    }, { own: true, icon: 'mailroom-report' })
  }

  function request() {
    ask('own').then(function (mine) {
      var list = make('ul', { 'class': 'mailroom-found' })
      var waits = mine.items.filter(function (one) { return one.held })
      waits.forEach(function (one) {
        var answer = make('span', { role: 'status' }, one.asked_at ? say('requested') : '')
        var comment = make('input', { type: 'text', maxlength: 300, 'class': 'form-control', placeholder: say('what_is_it'), 'aria-label': say('what_is_it') })
        var button = make('button', { type: 'button', 'class': 'btn btn-secondary btn-sm' }, say('do_request')).on('click', function () {
          ask('request', { delivery: one.id, comment: comment.val(), once: freshKey() }).then(function () { comment.add(button).remove(); answer.text(say('requested')) }, function (problem) { answer.text(sentence(problem.detail)) })
        })
        list.append(make('li', {}, make('span', {}, make('b', {}, subjectOf(one)), make('br'), senderOf(one), ' ', new Date(one.received_at).toLocaleString(), one.counted ? make('i', { 'class': 'bad' }, ' ' + say('looks_dangerous')) : null), answer, one.asked_at ? null : comment, one.asked_at ? null : button))
      })
      if (!waits.length) list.append(make('li', {}, say('none_held')))
      sheet(say('request'), make('div', {}, make('p', {}, say('request_says')), list), '', null, { own: true })
    }, fail)
  }

  function expect() {
    var field = make('input', { type: 'text', id: 'mailroom-expect', 'class': 'form-control', maxlength: 254 })
    var comment = make('input', { type: 'text', id: 'mailroom-comment', 'class': 'form-control', maxlength: 300 })
    var list = make('ul', { 'class': 'mailroom-found' })
    var body = make('div', { 'class': 'mailroom-field' }, make('p', {}, say('expect_says')), make('label', { 'for': 'mailroom-expect' }, say('expect_whom')), field, make('label', { 'for': 'mailroom-comment' }, say('what_is_it')), comment, list)
    var shown = sheet(say('expect'), body, say('do_expect'), function () {
      return ask('expect', { sender: field.val().trim(), comment: comment.val().trim(), once: freshKey() }).then(function () { rcmail.display_message(say('expect_done'), 'confirmation', 8000) })
    }, { own: true, icon: 'mailroom-expect' })
    field.trigger('focus')
    ask('own').then(function (mine) {
      list.append(mine.expected.map(expectedSender))
      shown.fit()
    })
  }

  /** A line for a sender or a code word that was announced before, with the way back. */
  function expectedSender(one) {
    var name = one.code_word ? one.sender.toUpperCase() : one.sender
    var answer = make('span', { role: 'status' })
    var back = make('button', { type: 'button', 'class': 'btn btn-secondary btn-sm', 'aria-label': say('forget_expected') + ' ' + name }, say('forget_expected')).on('click', function () {
      ask('forget', { id: one.id }).then(function () { back.remove(); answer.text(say('expected_forgotten')) }, function (problem) { answer.text(sentence(problem.detail)) })
    })
    return make('li', {}, make('span', {}, make('b', {}, name), ' ', say('expected_until', { end: new Date(one.until).toLocaleString() })), answer, back)
  }

  // --- commands

  function begin(act) {
    var where = chosen()
    if (!where.uids.length) return fail({ detail: say('nothing_chosen') })
    look().then(function (items) {
      var lost = items.filter(function (one) { return !one.delivery })[0]
      if (lost) return fail({ detail: say(lost.deliveries ? 'whose_copy' : 'not_in_scope') })
      acts[act](items)
    }, fail)
  }

  function openPreview() {
    var tab = window.open('about:blank', '_blank') // at once: browsers block it after the answer
    look().then(function (items) {
      if (tab) { tab.opener = null; tab.location = link.console + '/messages/' + items[0].message }
    }, function (problem) { if (tab) tab.close(); fail(problem) })
  }

  var commands = { undo: undoLast, find: find, report: report, request: request, expect: expect, preview: openPreview, link: function () { window.top.location = link.settings } }
  STAFF.forEach(function (act) { commands[act] = function () { begin(act) } })

  var ABOUT_MESSAGES = STAFF.concat(['report', 'preview'])
  function allowed(act) {
    return act === 'link' || (['report', 'request', 'expect'].indexOf(act) >= 0 ? link.employee : link.staff)
  }
  function enable() {
    var some = chosen().uids.length > 0
    $.each(commands, function (act) { rcmail.enable_command('plugin.mailroom.' + act, !!allowed(act) && (some || ABOUT_MESSAGES.indexOf(act) < 0)) })
  }
  $.each(commands, function (act, does) { rcmail.register_command('plugin.mailroom.' + act, does, false) })
  enable()
  if (rcmail.message_list) rcmail.message_list.addEventListener('select', enable)
  $(document).on('click', '.mailroom-undo-link', function (event) { event.preventDefault(); undoLast() })

  /** Alt+Shift and a letter, as the menu shows them; from the message's frame too. */
  $(document).on('keydown', function (event) {
    var act = event.altKey && event.shiftKey && !event.ctrlKey ? KEYS[event.code] : null
    var window_ = rcmail.is_framed() ? parent.rcmail : rcmail
    if (!act || $('.ui-dialog:visible').length) return
    event.preventDefault()
    window_.command('plugin.mailroom.' + act)
  })

  var place = $('#mailroom-evidence')
  if (place.length) evidence(place)
})
